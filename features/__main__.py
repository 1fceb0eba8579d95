"""Command line of the feature package: ``python -m features --help``."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from features.definitions import FEATURES
from features.engines.plan import Plan
from features.engines.row import stored_row
from features.engines.sql import compile_sql
from features.errors import ContractError, FeaturesError
from features.language.formula import formula
from features.policy import DEFAULT_REGION, policy_value
from features.reference import missing_meaning, write_reference
from features.reference_income import work_out
from features.screen import show_table
from features.signals import report
from features.signals.buckets import Buckets
from features.signals.defects import Defect
from features.signals.delivery import check_apart, check_unoccupied, judge_folder, take_in_folder
from features.signals.fields import Date
from features.signals.intake import Intake
from features.signals.mending import mend as mend_quarantine

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
    out: Annotated[
        Path | None, typer.Option(help="Folder for the stored signals, the quarantine and the flags")
    ] = None,
    region: Annotated[str, typer.Option(help="Whose policy applies")] = DEFAULT_REGION,
    on: Annotated[str, typer.Option(help="Date of the delivery, YYYY-MM-DD; today if not given")] = "",
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only; write nothing")] = False,
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Put the delivery in place of all that --out holds")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Check a delivery: accepted rows go to the signals, the others to the quarantine with the way out.

    A delivery is whole: it takes the place of the signals, quarantine and flags that --out holds, of every
    feed, and says --replace to do so.

    Exit code 0 when every row was accepted, 1 when some were quarantined, 2 when the delivery was refused.
    """
    day = parse_date("--on", on) if on else dt.date.today()
    if out is None and not is_dry_run:
        raise ContractError("--out is missing: give a folder for the signals, or --dry-run")
    with Progress(console=errors, disable=as_json, transient=True) as bar:
        task = bar.add_task("intake", total=None)

        def show(feed: str, done: int, total: int) -> None:
            bar.update(task, description=f"intake: {feed}", completed=done, total=total)

        if out is not None:
            check_apart(raw, out)
            if not is_replacing and not is_dry_run:
                check_unoccupied(out)
        if out is None or is_dry_run:
            taken = judge_folder(raw, region=region, on=day, progress=show)
        else:
            taken = take_in_folder(raw, out, region=region, on=day, progress=show)
    _report("Intake", taken.intakes, as_json=as_json, silent=taken.silent, unjudged=taken.unjudged)


@app.command()
def mend(
    signals: Annotated[Path, typer.Option(help="Folder of stored signals with its quarantine")],
    quarantine: Annotated[
        Path | None, typer.Option(help="Folder of mended copies; the signals' own quarantine if not given")
    ] = None,
    region: Annotated[str, typer.Option(help="Whose policy applies")] = DEFAULT_REGION,
    on: Annotated[str, typer.Option(help="Date of the flags, YYYY-MM-DD; today if not given")] = "",
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Report only; change nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Take in the rows of the quarantine that were mended; exit code 1 while some still wait."""
    day = parse_date("--on", on) if on else dt.date.today()
    found = mend_quarantine(signals, region=region, on=day, mended=quarantine, is_dry_run=is_dry_run)
    _report("Mend", found, as_json=as_json)


@app.command()
def health(
    signals: Annotated[Path, typer.Option(help="Folder of stored signals, as intake wrote it")],
    as_of: Annotated[str, typer.Option(help="Date as of which the feeds are judged, YYYY-MM-DD")],
    periods: Annotated[int, typer.Option(help="Months to judge, the last due one included", min=1)] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Judge every feed against its own past; exit code 3 when one must not be scored from."""
    from features.health import Deliveries, check_health
    from features.health import report as health_report

    day = parse_date("--as-of", as_of)
    with Progress(console=errors, disable=as_json, transient=True) as bar:
        task = bar.add_task("health", total=None)
        found = check_health(
            Deliveries.load(signals), day, periods=periods,
            progress=lambda feed, done, total: bar.update(
                task, description=f"health: {feed}", completed=done, total=total
            ),
        )  # fmt: skip
    if as_json:
        print(json.dumps(health_report.as_json(found), ensure_ascii=False))
    else:
        show_table(health_report.as_table(found))
    if found.blocked:
        raise typer.Exit(3)


@app.command()
def vectors(
    signals: Annotated[Path, typer.Option(help="Folder of stored signals, as intake wrote it")],
    as_of: Annotated[list[str], typer.Option(help="As-of date, YYYY-MM-DD; may be given several times")],
    out: Annotated[Path, typer.Option(help="Folder for the vectors: empty, absent, or of a run to continue")],
    region: Annotated[str, typer.Option(help="Whose policy applies")] = DEFAULT_REGION,
    feature: Annotated[
        list[str] | None, typer.Option(help="Only this feature; may be given several times")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads; all cores if not given", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words")] = False,
) -> None:
    """Write the vectors of all households, neighbourhood included, one bucket of villages at a time.

    A run that was stopped is continued by the same command: what is finished stays.
    """
    from features.engines.buckets import write_vectors

    dates = [parse_date("--as-of", one) for one in as_of]
    if unknown := [one for one in feature or () if one not in FEATURES]:
        raise ContractError(
            f"--feature: there is no {', '.join(unknown)}; `python -m features explain all` lists them"
        )
    chosen = [FEATURES[one] for one in feature] if feature else None
    with Progress(console=errors, disable=as_json, transient=True) as bar:
        task = bar.add_task("vectors", total=None)
        run = write_vectors(
            signals, dates, out, features=chosen, region=region, threads=threads,
            progress=lambda doing, done, total: bar.update(
                task, description=doing, completed=done, total=total
            ),
        )  # fmt: skip
    if as_json:
        households = {str(day): count for day, count in run.households.items()}
        print(json.dumps({"households": households, "files": run.files, "resumed": run.resumed}))
        return
    for day, count in run.households.items():
        print(f"{count:,} vectors as of {day} → {run.folder(day)}")
    if run.resumed:
        print(f"{run.resumed} of {run.files} files were there from an earlier run")


@app.command()
def account(
    signals: Annotated[Path, typer.Option(help="Folder of stored signals, as intake wrote it")],
    household: Annotated[str, typer.Option(help="Pseudonymous key of the household")],
    as_of: Annotated[str, typer.Option(help="As-of date, YYYY-MM-DD")],
    region: Annotated[str, typer.Option(help="Whose policy applies")] = DEFAULT_REGION,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table")] = False,
) -> None:
    """Work out a household's reference income from its account, line by line."""

    day, stored = parse_date("--as-of", as_of), Buckets.open(signals)
    rows = {
        feed: [stored_row(row) for row in found] for feed, found in stored.household_rows(household).items()
    }
    found = work_out(rows, day, stored.coverage, region)
    line = policy_value("monitoring_line", region, day)
    if as_json:
        print(json.dumps(found.as_json(line), ensure_ascii=False))
        return
    if found.lines:
        show_table(found.as_table())
    print(found.sentence(line))


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


def _report(
    title: str,
    intakes: Mapping[str, Intake],
    *,
    as_json: bool,
    silent: tuple[str, ...] = (),
    unjudged: tuple[str, ...] = (),
) -> None:
    if as_json:
        print(json.dumps(report.as_json(intakes, silent=silent, unjudged=unjudged), ensure_ascii=False))
    else:
        show_table(report.as_table(title, intakes))
    if silent:
        errors.print(
            f"Not readable, and so missing: {', '.join(silent)}. Their coverage was dropped.", style="red"
        )
    if unjudged:
        errors.print(f"No policy value for these rules, and so not judged: {', '.join(unjudged)}.")
    if any(one.quarantined for one in intakes.values()):
        raise typer.Exit(1)


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
