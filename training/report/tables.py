"""Tables: what a run found, for people at a terminal, and the same as one JSON object for programs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from training.evaluate import OURS, Evaluation, TestDate
from training.metrics import Metrics

LEAST_WIDTH = 140


def wide_console() -> Console:
    """A console that does not squeeze tables when its output goes to a file or a narrow pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=LEAST_WIDTH)


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the verdict, the split and one table a test date."""
    if not evaluation.is_better:
        console.print(
            "[bold red]NOT BETTER[/] than the best rule at capacity: this model may not be promoted"
        )
    console.print(evaluation.experiment.split.describe())
    console.print(
        f"{evaluation.train_rows:,} training rows, {evaluation.train_positives:,} with the outcome; "
        f"{evaluation.fitted.trees} trees; calibration slope {evaluation.fitted.calibration.slope:.2f}"
    )
    for test in evaluation.tests:
        console.print(_table(test, evaluation.experiment.capacity_share))
        console.print(
            f"lift over the best rule ({test.best_rule}): [bold]{test.lift_over_best_rule:.2f}[/] at "
            f"{test.metrics[OURS].capacity.visits} visits"
        )
        console.print(f"recall at capacity by type: {_recalls(test.recall_by_type)}")
        console.print(f"recall at capacity by cause: {_recalls(test.recall_by_cause)}")


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


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything measured, as plain data."""
    return {
        "experiment": evaluation.experiment.name,
        "split": evaluation.experiment.split.describe(),
        "is_better": evaluation.is_better,
        "train_rows": evaluation.train_rows,
        "train_positives": evaluation.train_positives,
        "trees": evaluation.fitted.trees,
        "tests": [
            {
                "as_of_date": test.as_of.isoformat(),
                "n": test.metrics[OURS].n,
                "base_rate": test.metrics[OURS].base_rate,
                "best_rule": test.best_rule,
                "lift_over_best_rule": test.lift_over_best_rule,
                "models": {name: metrics_json(one) for name, one in test.metrics.items()},
                "recall_by_type": _recall_json(test.recall_by_type),
                "recall_by_cause": _recall_json(test.recall_by_cause),
                "reliability": test.reliability,
            }
            for test in evaluation.tests
        ],
    }


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


def _table(test: TestDate, share: float) -> Table:
    ours = test.metrics[OURS]
    title = (
        f"out of time, as of {test.as_of}: n = {ours.n:,}, {ours.positives} with the outcome "
        f"(base rate {ours.base_rate:.2%})"
    )
    return metrics_table(title, test.metrics, f"@{share:.0%}")


def _range(one: Any) -> str:
    if one.best - one.worst < 5e-4:
        return f"{one.mean:.3f}"
    return f"{one.mean:.3f} ({one.worst:.3f}–{one.best:.3f})"


def _recalls(found: dict[str, tuple[int, float]]) -> str:
    return ", ".join(f"{kind} {recall:.0%} of {count}" for kind, (count, recall) in found.items())


def _recall_json(found: dict[str, tuple[int, float]]) -> dict[str, dict[str, float]]:
    return {kind: {"positives": count, "recall": recall} for kind, (count, recall) in found.items()}
