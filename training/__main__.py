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
def check(
    experiment: Annotated[Path, typer.Argument(help="Experiment file (YAML)")],
    as_json: Json = False,
) -> None:
    """Check an experiment file and draw its split, without running anything."""
    from training.evaluation.document import settings_json
    from training.experiment import load_experiment
    from training.split_picture import draw_splits, summary

    loaded = load_experiment(experiment)
    if as_json:
        settings = {**settings_json(loaded), "picture": draw_splits(loaded.splits)}
        print(json.dumps(settings, ensure_ascii=False))
        return
    print(draw_splits(loaded.splits))
    print(summary(loaded))


@app.command()
def run(
    experiment: Annotated[Path, typer.Argument(help="Experiment file (YAML)")],
    data: Annotated[Path, typer.Option(help="Folder with signals/ and outcomes.parquet")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle, the report and MLflow's files")],
    outcomes_until: Annotated[str, typer.Option(help="Last day whose identifications are all recorded")],
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI; a SQLite file in --out if empty")] = "",
    champion: Annotated[
        Path | None,
        typer.Option(help="Bundle to compare the list with; the registry's champion if not given"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train and test out of time beside every baseline; record the run and register the model.

    A run that was killed goes on where it was when it is started again.
    """
    from training.pipeline import run_experiment

    with stage_bar(as_json) as bar:
        done = run_experiment(
            experiment,
            data,
            out,
            outcomes_until=parse_date("--outcomes-until", outcomes_until),
            tracking_uri=tracking or None,
            champion_bundle=champion,
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
        errors.print(f"report: {done.bundle.parent / 'report.html'}", highlight=False, soft_wrap=True)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run, beside its bundle")],
    as_json: Json = False,
) -> None:
    """Make a run's page, model card and register record anew from its report.json."""
    from training.report.files import read_report, render_files

    written = render_files(run_dir)
    if as_json:
        print(json.dumps(read_report(run_dir), ensure_ascii=False))
    else:
        errors.print(
            f"{len(written)} files → {written[0].parent}", highlight=False, markup=False, soft_wrap=True
        )


@app.command()
def promote(
    version: Annotated[str, typer.Option(help="Registered version to make champion")],
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI")],
    override: Annotated[str, typer.Option(help="Reason to promote although a gate failed; it is kept")] = "",
    why: Annotated[str, typer.Option(help="Reason to keep in the release log")] = "",
    by: Annotated[str, typer.Option(help="Who promotes; the user of this machine if empty")] = "",
    sign_with: Annotated[
        Path | None, typer.Option(help="PEM file of a private Ed25519 key to sign the bundle with")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try the gates, change nothing")] = False,
    as_json: Json = False,
) -> None:
    """Make a registered version the champion, if it passes the gates."""
    from training.errors import GateError
    from training.promote import promote_tried, say_failed, try_gates
    from training.promotion_tables import print_done, print_gates

    tried = try_gates(version, tracking)
    is_refused = bool(tried.failed) and not override
    if sign_with is not None and not (dry_run or is_refused):
        from training.signing import sign_version

        # Before it is champion: who fetches a champion finds it signed.
        sign_version(version, tracking, sign_with)
    if not as_json:
        print_gates(tried.gates)
    done = tried if dry_run or is_refused else promote_tried(tried, tracking, override, by=by, why=why)
    if as_json:
        print(json.dumps(done.as_json(), ensure_ascii=False))
    elif dry_run or not is_refused:
        print_done(done, errors)
    if is_refused:
        raise GateError(f"{tried.release} may not be promoted: {say_failed(tried.failed)}")


@app.command()
def sign(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle")],
    key: Annotated[Path, typer.Option(help="PEM file of a private Ed25519 key")],
) -> None:
    """Sign a bundle, once it is loaded and sound: services with the public key take no other."""
    from training.signing import sign_folder

    errors.print(f"signed: {sign_folder(bundle, key)}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def rollback(
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI")],
    why: Annotated[str, typer.Option(help="Reason, kept in the release log")],
    to: Annotated[str, typer.Option(help="Version that was champion; the former one if empty")] = "",
    by: Annotated[str, typer.Option(help="Who rolls back; the user of this machine if empty")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the files, change nothing")] = False,
    as_json: Json = False,
) -> None:
    """Make the former champion the champion again, after its files are checked."""
    from training.promote import rollback as roll_back
    from training.promotion_tables import print_done

    done = roll_back(tracking, to or None, why=why, by=by or None, dry_run=dry_run)
    if as_json:
        print(json.dumps(done.as_json(), ensure_ascii=False))
    else:
        print_done(done, errors)


@app.command()
def releases(
    tracking: Annotated[str, typer.Option(help="MLflow tracking URI")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the chain; exit code 1 tells a fault")
    ] = False,
    head: Annotated[str, typer.Option(help="Hash an earlier promotion printed, for --verify")] = "",
    as_json: Json = False,
) -> None:
    """Print the release log: who made which version champion, when and why."""
    from scoring.registry import check_store
    from training.promotion_tables import print_releases
    from training.release_log import find_faults, read_releases

    check_store(tracking)
    found = read_releases(tracking)
    faults = find_faults(tracking, head or None) if verify or head else None
    if as_json:
        entries = [one.model_dump(mode="json") for one in found]
        print(
            json.dumps(
                {"releases": entries, **({} if faults is None else {"faults": faults})}, ensure_ascii=False
            )
        )
    else:
        print_releases(found)
        for one in faults or []:
            errors.print(one, style="red", highlight=False, markup=False, soft_wrap=True)
        if faults == []:
            errors.print(f"{len(found)} entries, the chain is whole", highlight=False)
    if faults:
        raise typer.Exit(1)


@survey_app.command()
def uganda(
    data: Annotated[Path, typer.Option(help="Folder with households_by_wave.csv and events.csv")],
    as_json: Json = False,
) -> None:
    """Uganda National Panel: train on all labelled waves but the last, test on the last."""
    from training.panels import print_comparison
    from training.report import wide_console
    from training.surveys.uganda import compare_uganda

    with stage_bar(as_json) as bar:
        compared = compare_uganda(data, progress=bar)
    if as_json:
        print(json.dumps(compared.as_json()))
    else:
        print_comparison(compared, wide_console())


@survey_app.command()
def malawi(
    data: Annotated[Path, typer.Option(help="Folder with malawi_ihps_2010_2013_2016.csv")],
    as_json: Json = False,
) -> None:
    """Malawi Integrated Household Panel: poor diets, train 2010 → 2013, test 2013 → 2016."""
    from training.panels import print_comparison
    from training.report import wide_console
    from training.surveys.malawi import compare_malawi

    with stage_bar(as_json) as bar:
        compared = compare_malawi(data, progress=bar)
    if as_json:
        print(json.dumps(compared.as_json(), ensure_ascii=False))
    else:
        print_comparison(compared, wide_console())


@survey_app.command("costa-rica")
def costa_rica(
    data: Annotated[Path, typer.Option(help="Folder with train.csv")],
    as_json: Json = False,
) -> None:
    """Costa Rica: four classes of poverty by macro-F1, five folds over household heads."""
    from training.report import wide_console
    from training.surveys.costa_rica import compare_costa_rica, print_classes

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
    from training.panels import check_folder, compare_panel, print_comparison, read_table, save_report
    from training.panels.panel import parse_drop, parse_naive
    from training.report import wide_console

    with stage_bar(as_json) as bar:
        bar("reading", 0, 1)
        table = read_table(data)
        bar("reading", 1, 1)
        names = [str(one) for one in table.columns]
        column, is_highest_first = parse_naive(naive, names)
        if report is not None:
            # Refused here, not after minutes of fitting.
            check_folder(report)
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
        said = str(error.strerror or error) + (f": {error.filename}" if error.filename else "")
        errors.print(said, style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
