"""Command line of the feature package: ``python -m features --help``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from features.definitions import FEATURES
from features.engines.duckdb import compile_sql
from features.engines.plan import Plan
from features.errors import ContractError, FeaturesError
from features.language.formula import formula
from features.policy import DEFAULT_REGION
from features.reference import missing_meaning, write_reference
from features.signals.defects import Defect
from features.signals.delivery import TakenIn, take_in_folder
from features.signals.fields import Date

app = typer.Typer(
    help="What is known about a household as of a date.", no_args_is_help=True, add_completion=False
)
errors = Console(stderr=True)


def parse_date(option: str, text: str) -> dt.date:
    """A date of an option; raises `ContractError` naming the option."""
    try:
        return Date(name=option, zh=option, en=option).parse(text)  # type: ignore[return-value]
    except Defect as defect:
        raise ContractError(f"{option}: {defect.way_out}") from None


@app.command()
def intake(
    raw: Annotated[
        Path, typer.Option(help="Folder with <feed>.parquet or .csv and coverage.parquet or .csv")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the stored signals and the quarantine")],
    region: Annotated[str, typer.Option(help="Whose policy applies")] = DEFAULT_REGION,
    on: Annotated[str, typer.Option(help="Date of the delivery, YYYY-MM-DD; today if not given")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Check a delivery: accepted rows go to the signals, the others to the quarantine with the way out."""
    day = parse_date("--on", on) if on else dt.date.today()
    with Progress(console=errors, disable=as_json, transient=True) as bar:
        task = bar.add_task("intake", total=None)
        taken = take_in_folder(
            raw, out, region=region, on=day,
            progress=lambda feed, done, total: bar.update(
                task, description=f"intake: {feed}", completed=done, total=total
            ),
        )  # fmt: skip
    if as_json:
        print(json.dumps(_counts(taken), ensure_ascii=False))
    else:
        console = Console()
        (console if console.is_terminal else Console(width=124)).print(_table(taken))
    if taken.silent:
        errors.print(
            f"Not readable, and so missing: {', '.join(taken.silent)}. Their coverage was dropped.",
            style="red",
        )


@app.command()
def health(
    signals: Annotated[Path, typer.Option(help="Folder of stored signals, as intake wrote it")],
    as_of: Annotated[str, typer.Option(help="Date as of which the feeds are judged, YYYY-MM-DD")],
    raw: Annotated[
        Path | None,
        typer.Option(help="Folder the signals were taken in from; with it, refused rows are judged too"),
    ] = None,
    periods: Annotated[int, typer.Option(help="Months to judge, the last due one included", min=1)] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Judge every feed against its own past; exit code 3 when one must not be scored from."""
    from features.health import Deliveries, check_health, report

    day = parse_date("--as-of", as_of)
    with Progress(console=errors, disable=as_json, transient=True) as bar:
        task = bar.add_task("health", total=None)
        found = check_health(
            Deliveries.load(signals, raw), day, periods=periods,
            progress=lambda feed, done, total: bar.update(
                task, description=f"health: {feed}", completed=done, total=total
            ),
        )  # fmt: skip
    if as_json:
        print(json.dumps(report.as_json(found), ensure_ascii=False))
    else:
        console = Console()
        (console if console.is_terminal else Console(width=160)).print(report.as_table(found))
    if found.blocked:
        raise typer.Exit(3)


@app.command()
def explain(
    feature: Annotated[str, typer.Argument(help="Name of a feature; `all` lists them")],
    sql: Annotated[bool, typer.Option(help="Print the compiled SQL too")] = True,
) -> None:
    """Print what a feature means, where it comes from, which way it points, and the SQL it compiles to."""
    if feature == "all":
        for one in FEATURES.values():
            print(f"{one.name}  {one.zh}  [{one.unit}]")
        return
    if feature not in FEATURES:
        errors.print("There is no feature of that name. `python -m features explain all` lists them.")
        raise typer.Exit(2)
    one = FEATURES[feature]
    direction = {1: "more never lowers the risk", -1: "more never raises the risk", 0: "no certain direction"}
    lines = {
        "name": one.name,
        "zh": one.zh,
        "en": one.en,
        "meaning": one.doc,
        "unit": one.unit,
        "theme": one.theme,
        "cause code": one.cause,
        "direction": direction[one.direction],
        "feeds": ", ".join(one.feeds),
        "window": f"{one.window_months} months" if one.window_months else "state on the as-of date",
        "policy": ", ".join(one.parameters) or "none",
        "formula": formula(one.expression),
        "missing": missing_meaning(one),
    }
    for name, text in lines.items():
        print(f"{name:>11}: {text}")
    if sql:
        print(f"\nSQL as of {dt.date.today()}:\n{compile_sql(Plan([one]), dt.date.today())}")


@app.command()
def reference(
    out: Annotated[Path, typer.Option(help="Folder of the pages")] = Path("docs/reference"),
) -> None:
    """Write the reference pages of features, signals and policy from the code."""
    for path in write_reference(out):
        print(path)


def _counts(taken: TakenIn) -> dict[str, object]:
    feeds = {
        feed: {
            "rows_in": one.rows_in,
            "accepted": len(one.accepted),
            "quarantined": len(one.quarantined),
            "defects": {f"{field}: {code}": count for (code, field), count in one.defect_counts.items()},
        }
        for feed, one in taken.intakes.items()
    }
    return {**feeds, "silent": list(taken.silent)} if taken.silent else dict(feeds)


def _table(taken: TakenIn) -> Table:
    table = Table(title="Intake", title_justify="left")
    for name in ("feed", "rows in", "accepted", "quarantined", "most frequent defects"):
        table.add_column(name, justify="left" if name in ("feed", "most frequent defects") else "right")
    for feed, one in taken.intakes.items():
        worst = list(one.defect_counts.items())[:3]
        said = "; ".join(f"{field} {code} ({count})" for (code, field), count in worst)
        table.add_row(feed, f"{one.rows_in:,}", f"{len(one.accepted):,}", f"{len(one.quarantined):,}", said)
    return table


def main() -> None:
    """Run the command line; a refused request is one sentence and exit code 2."""
    try:
        app()
    except FeaturesError as error:
        errors.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except OSError as error:
        errors.print(f"{error.strerror}: {error.filename}", style="red", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
