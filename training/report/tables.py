"""Tables: what a run found, for people at a terminal."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console
from rich.table import Table

from features.screen import PIPE_WIDTH
from training.evaluate import OURS, Evaluation
from training.evaluation.groups import Grouping
from training.evaluation.test_date import TestDate
from training.metrics import Metrics
from training.silent_feeds import Silence
from training.split_picture import draw_splits
from training.trials import Trial, Tuning


def wide_console() -> Console:
    """A console that does not squeeze tables when its output goes to a file or a narrow pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the verdict, the splits and one table a test date."""
    verdict = evaluation.verdict
    style = "bold green" if verdict.is_better else "bold red"
    console.print(verdict.sentence, style=style, markup=False, highlight=False)
    if not verdict.is_better:
        console.print("this model may not be promoted without a reason that is kept (--override)")
    console.print(draw_splits(evaluation.experiment.splits), markup=False, highlight=False)
    console.print(
        f"{evaluation.train_rows:,} training rows, {evaluation.train_positives:,} with the outcome; "
        f"{evaluation.fitted.trees} trees; calibration slope {evaluation.fitted.calibration.slope:.2f}"
    )
    console.print(_blend(evaluation), highlight=False)
    console.print(f"visit capacity: {evaluation.experiment.capacity.describe()}", highlight=False)
    for test in evaluation.tests:
        ours = test.rankings[OURS]
        console.print(_table(test))
        console.print(
            f"lift over the best rule ({test.best_rule}): [bold]{ours.lift.value:.2f}[/] "
            f"{_interval(ours.lift)} at {test.visits} visits"
        )
        for grouping in test.groups:
            if grouping.by not in {"county", "township"}:
                console.print(f"recall at capacity by {grouping.by}: {_recalls(grouping)}", highlight=False)
    console.print(silence_table(evaluation.silent_feeds))
    if evaluation.fitted.tuning:
        console.print(tuning_table(evaluation.fitted.tuning))
    for change in evaluation.comparison.list_changes:
        console.print(
            f"list of {change.from_date} → {change.to_date}: {change.stay} stay, {change.leave} leave, "
            f"{change.enter} enter, {change.no_longer_in_cohort} no longer in the cohort "
            f"(Jaccard {change.jaccard.value:.2f})"
        )
    for one in evaluation.comparison.churn:
        seen = " (which had seen the outcomes)" if one.champion_saw_test else ""
        console.print(
            f"as of {one.as_of_date}, beside the champion {one.champion}{seen}: {one.stay} stay, "
            f"{one.leave} leave, {one.enter} enter; precision {one.difference.precision.value:+.4f} "
            f"{_interval(one.difference.precision)}"
        )


def silence_table(silences: tuple[Silence, ...]) -> Table:
    """One row a feed: what is left of the scores of the last test date without it."""
    table = Table(title="last test date, with one feed silent", title_justify="left")
    for name in ("silent feed", "features", "ROC-AUC", "precision", "ECE", "mean score", "observed", "ratio"):
        table.add_column(name, justify="left" if name == "silent feed" else "right", no_wrap=True)
    for one in silences:
        table.add_row(
            one.feed or "none", str(one.features), f"{one.roc_auc.value:.3f}", f"{one.precision.value:.3f}",
            f"{one.ece.value:.4f}", f"{one.predicted.value:.4f}", f"{one.observed.value:.4f}",
            f"{one.ratio.value:.2f} {_interval(one.ratio)}", style=None if one.feed else "bold",
        )  # fmt: skip
    return table


def tuning_table(tuning: Tuning) -> Table:
    """One row a trial; the chosen one in bold."""
    names = [one.name for one in dataclasses.fields(Trial)]
    table = Table(title=f"trials over {tuning.folds} folds inside the past", title_justify="left")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for trial in tuning.trials:
        values = (getattr(trial, name) for name in names)
        table.add_row(
            *(f"{one:.5g}" if isinstance(one, float) else str(one) for one in values),
            style="bold" if trial.number == tuning.chosen else None,
        )
    return table


def _blend(evaluation: Evaluation) -> str:
    tried = ", ".join(f"{share:g}: {loss:.5f}" for share, loss in evaluation.fitted.losses)
    blend = evaluation.fitted.blend
    said = f"{blend.tree_share:.0%} trees, {1 - blend.tree_share:.0%} line" if blend else "trees alone"
    return f"{said} (log-loss out of fold by share of the trees: {tried})" if tried else said


def metrics_table(title: str, rows: dict[str, Metrics], visits_title: str) -> Table:
    """One row a model, with intervals and tie ranges."""
    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in (
        "ROC-AUC [95 %]",
        "PR-AUC",
        f"precision {visits_title}",
        f"recall {visits_title}",
        "Brier",
        "ECE",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in rows.items():
        low, high = one.roc_auc_interval
        table.add_row(
            name,
            f"{one.roc_auc:.3f} [{low:.3f}, {high:.3f}]",
            f"{one.pr_auc:.3f}",
            _range(one.capacity.precision),
            _range(one.capacity.recall),
            "–" if one.brier is None else f"{one.brier:.4f}",
            "–" if one.ece is None else f"{one.ece:.4f}",
            style="bold" if name == OURS else None,
        )
    return table


def metrics_json(one: Metrics) -> dict[str, Any]:
    """The metrics of one ranking as plain data."""
    precision, recall = one.capacity.precision, one.capacity.recall
    return {
        "roc_auc": one.roc_auc,
        "roc_auc_interval": list(one.roc_auc_interval),
        "pr_auc": one.pr_auc,
        "visits": one.capacity.visits,
        "precision": {"worst": precision.worst, "mean": precision.mean, "best": precision.best},
        "recall": {"worst": recall.worst, "mean": recall.mean, "best": recall.best},
        "brier": one.brier,
        "ece": one.ece,
    }


def _table(test: TestDate) -> Table:
    table = Table(
        title=f"out of time, as of {test.as_of}: n = {test.n:,}, {test.positives} with the outcome "
        f"(base rate {test.base_rate:.2%}), {test.visits} visits",
        title_justify="left",
    )
    table.add_column("model", no_wrap=True)
    for name in ("ROC-AUC [95 %]", "PR-AUC", "precision", "recall", "Brier", "ECE"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in test.rankings.items():
        table.add_row(
            name,
            f"{one.roc_auc.value:.3f} {_interval(one.roc_auc)}",
            f"{one.pr_auc.value:.3f} {_interval(one.pr_auc)}",
            f"{one.precision.value:.3f} {_interval(one.precision)}",
            f"{one.recall.value:.3f} {_interval(one.recall)}",
            "–" if one.brier is None else f"{one.brier.value:.4f}",
            "–" if one.ece is None else f"{one.ece.value:.4f}",
            style="bold" if name == OURS else None,
        )
    return table


def _interval(one: Any) -> str:
    return f"\\[{one.low:.3f}, {one.high:.3f}]"


def _range(one: Any) -> str:
    if one.best - one.worst < 5e-4:
        return f"{one.mean:.3f}"
    return f"{one.mean:.3f} ({one.worst:.3f}–{one.best:.3f})"


def _recalls(grouping: Grouping) -> str:
    return ", ".join(
        f"{cell.group} {cell.recall.value:.0%} of {cell.positives}{' (few)' if cell.is_small else ''}"
        for cell in grouping.cells
        if cell.recall
    )
