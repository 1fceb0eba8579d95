"""Command line of the training package: ``python -m training --help``."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from features.errors import FeaturesError
from scoring.errors import ScoringError
from training.errors import TrainingError

app = typer.Typer(help="How a model is made and proven.", no_args_is_help=True, add_completion=False)
survey_app = typer.Typer(help="The same pipeline on real household panels.", no_args_is_help=True)
app.add_typer(survey_app, name="survey")
errors = Console(stderr=True)

StageProgress = Callable[[str, int, int], None]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables")]


@contextmanager
def stage_bar(is_quiet: bool) -> Iterator[StageProgress]:
    """A progress bar on stderr with one line a stage."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=is_quiet) as bar:
        tasks: dict[str, int] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield update


def parse_date(option: str, text: str) -> dt.date:
    """A date of an option; raises `TrainingError` naming the option."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise TrainingError(f"{option} is a date, written YYYY-MM-DD") from None


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the county's raw feeds, coverage and outcomes")],
    households: Annotated[int, typer.Option(help="Households of the county", min=200)] = 20_000,
    months: Annotated[int, typer.Option(help="Observed months before the end", min=25)] = 36,
    ends_on: Annotated[str, typer.Option(help="Last day of the simulation, YYYY-MM-DD")] = "2026-10-31",
    seed: Annotated[int, typer.Option(help="Seed of all randomness")] = 7,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar")] = False,
) -> None:
    """Simulate one county: invented households whose hardship arises from a mechanism, with dirty feeds."""
    from training.simulation import CountySettings, simulate_county

    last = parse_date("--ends-on", ends_on)
    settings = CountySettings(households=households, months=months, ends_on=last, seed=seed)
    with stage_bar(quiet) as bar:
        county = simulate_county(settings, progress=lambda done, total: bar("months", done, total))
    county.save(out)
    rows = sum(len(frame) for frame in county.feeds.values())
    errors.print(
        f"{households:,} households, {rows:,} records, {len(county.outcomes)} identifications → {out}"
    )


@app.command()
def run(
    experiment: Annotated[Path, typer.Argument(help="Experiment file (YAML)")],
    data: Annotated[Path, typer.Option(help="Folder with signals/ and outcomes.parquet")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle, the report and MLflow's files")],
    outcomes_until: Annotated[str, typer.Option(help="Last day whose identifications are all recorded")],
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI; a SQLite file in --out if empty")] = "",
    as_json: Json = False,
) -> None:
    """Train and test out of time beside every baseline; record the run and register the model."""
    from training.pipeline import run_experiment

    with stage_bar(as_json) as bar:
        done = run_experiment(
            experiment,
            data,
            out,
            outcomes_until=parse_date("--outcomes-until", outcomes_until),
            tracking_uri=tracking or None,
            progress=bar,
        )
    if as_json:
        print(json.dumps(done.as_json(), ensure_ascii=False))
    else:
        from training.report import print_evaluation, wide_console

        print_evaluation(done.evaluation, wide_console())
        errors.print(
            f"registered as version {done.registered_version} ({done.bundle})",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def promote(
    version: Annotated[str, typer.Option(help="Registered version to make champion")],
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI")],
    override: Annotated[str, typer.Option(help="Reason to promote although a gate failed; it is kept")] = "",
) -> None:
    """Make a registered version the champion, if it passes the gates."""
    from training.promote import promote as promote_version

    done = promote_version(version, tracking, override or None)
    replaced = f", in place of version {done.former}" if done.former else ""
    errors.print(f"version {done.version} ({done.release}) is champion{replaced}", highlight=False)


@survey_app.command()
def uganda(
    data: Annotated[
        Path | None, typer.Option(help="Folder with households_by_wave.csv and events.csv")
    ] = None,
    as_json: Json = False,
) -> None:
    """Uganda National Panel: train on all labelled waves but the last, test on the last."""
    from training.panels import print_comparison
    from training.report import wide_console
    from training.surveys.uganda import compare_uganda

    if data is None:
        errors.print("Give the folder of the Uganda National Panel with --data DIR.")
        raise typer.Exit(2)
    with stage_bar(as_json) as bar:
        compared = compare_uganda(data, progress=bar)
    if as_json:
        print(json.dumps(compared.as_json()))
    else:
        print_comparison(compared, wide_console())


@survey_app.command()
def malawi(
    data: Annotated[Path | None, typer.Option(help="Folder with malawi_ihps_2010_2013_2016.csv")] = None,
    as_json: Json = False,
) -> None:
    """Malawi Integrated Household Panel: poor diets, train 2010 → 2013, test 2013 → 2016."""
    from training.panels import print_comparison
    from training.report import wide_console
    from training.surveys.malawi import compare_malawi

    if data is None:
        errors.print("Give the folder of the Malawi Integrated Household Panel with --data DIR.")
        raise typer.Exit(2)
    with stage_bar(as_json) as bar:
        compared = compare_malawi(data, progress=bar)
    if as_json:
        print(json.dumps(compared.as_json(), ensure_ascii=False))
    else:
        print_comparison(compared, wide_console())


@survey_app.command("costa-rica")
def costa_rica(
    data: Annotated[Path | None, typer.Option(help="Folder with train.csv")] = None,
    as_json: Json = False,
) -> None:
    """Costa Rica: four classes of poverty by macro-F1, five folds over household heads."""
    from training.report import wide_console
    from training.surveys.costa_rica import compare_costa_rica, print_classes

    if data is None:
        errors.print("Give the folder of the Costa Rica households with --data DIR.")
        raise typer.Exit(2)
    with stage_bar(as_json) as bar:
        compared = compare_costa_rica(data, progress=bar)
    if as_json:
        print(json.dumps(compared.as_json()))
    else:
        print_classes(compared, wide_console())


@app.command()
def panel(
    data: Annotated[Path, typer.Option(help="CSV, Parquet or Stata file, one row a household (and wave)")],
    household: Annotated[str, typer.Option("--id", help="Column that names the household")],
    label: Annotated[str, typer.Option(help="Column of the outcome, 0/1; empty where it is not known")],
    naive: Annotated[
        str,
        typer.Option(help="Column of today's rule: COL or COL:asc lowest first, COL:desc highest first"),
    ],
    time: Annotated[
        str, typer.Option(help="Column of the wave or year; without it the file is a cross-section")
    ] = "",
    drop: Annotated[
        list[str] | None, typer.Option(help="Columns not to use, with commas between; may be repeated")
    ] = None,
    group: Annotated[str, typer.Option(help="Column of the village or cluster that stays whole")] = "",
    test_time: Annotated[str, typer.Option(help="Wave to foresee; the last labelled one if empty")] = "",
    report: Annotated[Path | None, typer.Option(help="Folder for report.html and report.json")] = None,
    as_json: Json = False,
) -> None:
    """Bring your own panel: is anything better than today's rule on these households?

    Trains on all waves before the test wave (or in folds, without --time), measures the naive rule, logistic
    regression, LightGBM and ours on the same households, and says plainly which wins. A label must be settled
    by the next wave. Empty and constant columns, identifiers and leaks are left out, each with its reason.
    """
    from training.panels import compare_panel, print_comparison, read_table, save_report
    from training.panels.panel import parse_drop, parse_naive
    from training.report import wide_console

    with stage_bar(as_json) as bar:
        bar("reading", 0, 1)
        table = read_table(data)
        bar("reading", 1, 1)
        names = [str(one) for one in table.columns]
        column, is_highest_first = parse_naive(naive, names)
        compared = compare_panel(
            table,
            household=household,
            label=label,
            naive=column,
            time=time or None,
            group=group or None,
            drop=[one for text in drop or () for one in parse_drop(text, names)],
            test_time=test_time or None,
            is_highest_first=is_highest_first,
            progress=bar,
        )
    if report is not None:
        save_report(compared, report)
    if as_json:
        print(json.dumps(compared.as_json(), ensure_ascii=False))
    else:
        print_comparison(compared, wide_console())


def main() -> None:
    """Run the command line; a refused request is one sentence and exit code 2."""
    try:
        app()
    except (TrainingError, ScoringError, FeaturesError) as error:
        errors.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except OSError as error:
        errors.print(f"{error.strerror}: {error.filename}", style="red", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
