"""Comparison: the naive rule, simple learners and ours on the same rows, and what may be said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from training.blend import fit_blend
from training.blend.blend import MANY_ROWS
from training.blend.rows import Rows, build_rows
from training.errors import DataError
from training.metrics import TieRange, at_capacity, visits_at
from training.panels.rivals import BASELINES, OURS, REFERENCES, TITLES, reordered, rival_probabilities
from training.panels.screening import LEAK_AUC, LeftOut
from training.panels.verdict import Verdict, judge

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]

CAPACITY_SHARE = 0.1
FOLDS = 5
FEWER_FOLDS = 3
SEED = 7


@dataclass(frozen=True)
class Sample:
    """Rows of one side: vectors (n × features), labels, groups that stay whole, and the naive rule's ranks.

    `naive` is higher where the rule sees more risk; `waves` names each row's wave (one if not given).
    `codes` are columns whose numbers are names, `both` those that may be either, `directions` (+1, −1) of
    columns whose effect is known. `later` is the rule's rank of the household a wave later, NaN where it is
    not known: settled when the label is, so it is learned from and never a feature.
    """

    vectors: pd.DataFrame
    labels: Labels
    groups: npt.NDArray[Any]
    naive: Floats
    waves: npt.NDArray[Any] | None = None
    codes: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    directions: Mapping[str, int] = field(default_factory=dict)
    later: Floats | None = None

    def rows(self, kept: Sequence[str]) -> Rows:
        """What learners are fitted on, of these columns."""
        waves = np.zeros(len(self.labels)) if self.waves is None else self.waves
        return build_rows(self.vectors[list(kept)], self.naive, waves, self.codes, self.both, self.later)


@dataclass(frozen=True)
class Measured:
    """One model's numbers; means over repetitions where there are several, and over the orders of ties."""

    roc_auc: float
    pr_auc: float
    precision: TieRange
    recall: TieRange
    brier: float

    def as_json(self) -> dict[str, float]:
        """Plain numbers."""
        return {
            "roc_auc": self.roc_auc,
            "pr_auc": self.pr_auc,
            "precision_at_10": self.precision.mean,
            "recall_at_10": self.recall.mean,
            "brier": self.brier,
        }


@dataclass(frozen=True)
class Comparison:
    """What each model reached, the verdict, and what it rests on."""

    title: str
    n: int
    positives: int
    models: Mapping[str, Measured]
    judged: Verdict
    weights: Mapping[str, float]
    curves: Mapping[str, tuple[Labels, Floats]]
    left_out: tuple[LeftOut, ...] = ()
    suspects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def base_rate(self) -> float:
        """Share of households with the outcome."""
        return self.positives / self.n

    @property
    def naive_wins(self) -> bool:
        """Whether the naive rule ranks these households at least as well as ours."""
        return self.models["naive"].roc_auc >= self.models[OURS].roc_auc

    def sentences(self) -> list[str]:
        """The verdict in words, first what matters most."""
        against, gap = self.judged.against, self.judged.differences[self.judged.against]
        low, high = gap.interval
        measured = (
            f"ours − {TITLES[against]} = {gap.auc:+.3f} ROC-AUC, 95 % interval {low:+.3f} to {high:+.3f}"
        )
        said = []
        if self.naive_wins:
            said.append(
                "The naive rule wins on this data: it ranks these households at least as well as ours."
            )
        units = self.judged.units
        drawn = "paired by household" if units == self.n else f"paired, drawn in {units:,} whole groups"
        word = {"better": "BETTER", "not better": "NOT BETTER", "worse": "WORSE"}[self.judged.word]
        said.append(f"{word} than the best baseline ({TITLES[against]}): {measured}, {drawn}.")
        best = max(self.models.values(), key=lambda one: one.roc_auc).roc_auc
        if best > LEAK_AUC:
            said.append(
                f"Too good to be believed: ROC-AUC {best:.3f}. No honest fact about the future tells it so "
                "well: a column, or several together, knew the answer."
            )
        if self.judged.word == "not better" and not self.naive_wins:
            said.append("The difference is within what the draw of households explains.")
        beyond = [TITLES[one] for one in REFERENCES if self.judged.differences[one].verdict == "worse"]
        if beyond:
            said.append(f"Beyond ours by more than chance: {', '.join(beyond)}.")
        return said

    def as_json(self) -> dict[str, Any]:
        """``{"n", "base_rate", "models": {name: {roc_auc, pr_auc, precision_at_10, recall_at_10, brier}}}``.

        Precision and recall are means over ties. ``verdict`` is better, not better or worse.
        """
        return {
            "title": self.title,
            "n": self.n,
            "positives": self.positives,
            "base_rate": self.base_rate,
            "models": {name: one.as_json() for name, one in self.models.items()},
            "verdict": self.judged.word,
            "against": self.judged.against,
            "naive_wins": self.naive_wins,
            "summary": self.sentences(),
            "roc_auc_intervals": {name: list(one) for name, one in self.judged.intervals.items()},
            "differences": {
                name: {"roc_auc": one.auc, "interval": list(one.interval)}
                for name, one in self.judged.differences.items()
            },
            "weights": dict(self.weights),
            "left_out": [one.as_json() for one in self.left_out],
            "suspects": list(self.suspects),
            "notes": list(self.notes),
        }


def compare(
    title: str,
    train: Sample,
    test: Sample,
    progress: Progress | None = None,
    **said: Any,
) -> Comparison:
    """Fit on `train`, measure on `test`. Columns that are empty or constant in `train` are left out.

    `said` are the comparison's `left_out`, `suspects` and `notes`. Raises `DataError` when a side lacks one
    of the two outcomes.
    """
    for name, side in (("training", train), ("test", test)):
        if len(np.unique(side.labels)) != 2:
            raise DataError(
                f"the {name} households all have the same outcome: nothing to learn or to measure"
            )
    kept = _varying(train.vectors)
    past, future = train.rows(kept), test.rows(kept)
    found, weights = _probabilities(past, train, future, kept, _stage(progress, 0, 1))
    return _compared(title, test, [found], weights, said)


def compare_in_folds(
    title: str, sample: Sample, repetitions: int, progress: Progress | None = None, **said: Any
) -> Comparison:
    """Each row is measured by models that saw no row of its group, in `repetitions` partings of groups."""
    kept = _varying(sample.vectors)
    rows = sample.rows(kept)
    outcome_groups = min(len(np.unique(sample.groups[sample.labels == value])) for value in (0, 1))
    folds = min(FOLDS if len(rows) < MANY_ROWS else FEWER_FOLDS, outcome_groups)
    if folds < 2:
        raise DataError("fewer than two groups have the outcome: nothing to learn or to measure")
    repeated: list[dict[str, Floats]] = []
    weights: dict[str, float] = {}
    for repetition in range(repetitions):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=SEED + repetition)
        found: dict[str, Floats] = {}
        parts = list(splitter.split(np.zeros((len(rows), 1)), sample.labels, sample.groups))
        for number, (learn, held) in enumerate(parts):
            if len(np.unique(sample.labels[learn])) != 2:
                raise DataError("too few groups have the outcome: a fold has none to learn from")
            side = _part(sample, learn)
            stage = _stage(progress, repetition * folds + number, repetitions * folds)
            probabilities, shares = _probabilities(rows.take(learn), side, rows.take(held), kept, stage)
            for name, one in probabilities.items():
                found.setdefault(name, np.empty(len(rows)))[held] = one
            for name, share in shares.items():
                weights[name] = weights.get(name, 0.0) + share / (folds * repetitions)
        # Each fold has its own line from rule to probability, and where a rule is weak or wrong they would
        # shuffle its order, which is the rule.
        found["naive"] = reordered(found["naive"], rows.naive)
        repeated.append(found)
    return _compared(title, sample, repeated, weights, said)


def _probabilities(
    past: Rows, train: Sample, future: Rows, kept: Sequence[str], progress: Callable[[int, int], None]
) -> tuple[dict[str, Floats], Mapping[str, float]]:
    directions = tuple(train.directions.get(name, 0) for name in kept)
    blend = fit_blend(
        past, train.labels, train.groups, directions if any(directions) else (), progress=progress
    )
    found = rival_probabilities(past, train.labels, future)
    return {**found, OURS: blend.probability(future)}, blend.weights


def _compared(
    title: str,
    test: Sample,
    repeated: Sequence[Mapping[str, Floats]],
    weights: Mapping[str, float],
    said: Mapping[str, Any],
) -> Comparison:
    _, clusters = np.unique(test.groups.astype(str), return_inverse=True)
    judged = judge(test.labels, clusters, repeated, OURS, BASELINES)
    return Comparison(
        title=title,
        n=len(test.labels),
        positives=int(test.labels.sum()),
        models={name: _measured(test.labels, [one[name] for one in repeated]) for name in repeated[0]},
        judged=judged,
        weights=weights,
        curves={name: (test.labels, one) for name, one in repeated[0].items()},
        **said,
    )


def _measured(labels: Labels, probabilities: Sequence[Floats]) -> Measured:
    visits = visits_at(CAPACITY_SHARE, len(labels))
    tops = [at_capacity(labels, one, visits) for one in probabilities]
    return Measured(
        roc_auc=float(np.mean([roc_auc_score(labels, one) for one in probabilities])),
        pr_auc=float(np.mean([average_precision_score(labels, one) for one in probabilities])),
        precision=_mean_range([one.precision for one in tops]),
        recall=_mean_range([one.recall for one in tops]),
        brier=float(np.mean([brier_score_loss(labels, one) for one in probabilities])),
    )


def _mean_range(ranges: Sequence[TieRange]) -> TieRange:
    return TieRange(
        *(float(np.mean([getattr(one, at) for one in ranges])) for at in ("worst", "mean", "best"))
    )


def _varying(vectors: pd.DataFrame) -> list[str]:
    kept = [name for name in vectors.columns if vectors[name].nunique(dropna=True) > 1]
    if not kept:
        raise DataError("no column varies among the rows to learn from: nothing can be learned")
    return kept


def _part(sample: Sample, at: npt.NDArray[np.integer]) -> Sample:
    """What is asked of a part beside its rows, which are taken from those of all."""
    return replace(sample, labels=sample.labels[at], groups=sample.groups[at])


def _stage(progress: Progress | None, part: int, parts: int) -> Callable[[int, int], None]:
    def stage(done: int, total: int) -> None:
        if progress:
            progress("fitting", part * total + done, parts * total)

    return stage


def print_comparison(compared: Comparison, console: Console) -> None:
    """Print the verdict, each model with interval and tie range, and what was left out."""
    for sentence in compared.sentences():
        console.print(sentence, style="bold" if sentence.isupper() else None, highlight=False)
    heading = (
        f"{_shown(compared.title)}: n = {compared.n:,}, {compared.positives:,} with the outcome "
        f"(base rate {compared.base_rate:.3f})"
    )
    table = Table(title=heading, title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("ROC-AUC [95 %]", "PR-AUC", "precision @10%", "recall @10%", "Brier"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, one in compared.models.items():
        low, high = compared.judged.intervals[name]
        table.add_row(
            TITLES[name],
            f"{one.roc_auc:.3f} [{low:.3f}, {high:.3f}]",
            f"{one.pr_auc:.3f}",
            _spread(one.precision),
            _spread(one.recall),
            f"{one.brier:.4f}",
            style="bold" if name == OURS else None,
        )
    console.print(table)
    if compared.left_out:
        left = Table(title="left out", title_justify="left")
        left.add_column("column")
        left.add_column("reason")
        for out in compared.left_out:
            left.add_row(_shown(out.column), _shown(out.reason))
        console.print(left)
    for note in compared.notes:
        console.print(_shown(note), highlight=False)


def _shown(text: str) -> str:
    """Names come from files: no markup of the terminal's, and nothing that steers it."""
    return escape("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text))


def _spread(one: TieRange) -> str:
    if one.best - one.worst < 5e-4:
        return f"{one.mean:.3f}"
    return f"{one.mean:.3f} ({one.worst:.3f}–{one.best:.3f})"
