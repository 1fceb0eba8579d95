"""Comparison: all rankings of all test dates measured on the same resamples, and what follows from it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scoring.capacity import Areas
from training.baselines import POINTS_CARD, Ranking
from training.champion import Champion
from training.evaluation.ablation import Ablation, ablations
from training.evaluation.dial import cost_dial
from training.evaluation.groups import household_groups, measure_groups, outcome_kinds
from training.evaluation.lists import cut, listed
from training.evaluation.lists_over_time import Churn, ListChange, churn, list_change
from training.evaluation.measured import (
    Measured,
    Pooled,
    by_area,
    curve,
    describe,
    describe_pooled,
    difference,
    pool,
    precision,
)
from training.evaluation.resampling import Floats, measure_once, resample, sort_ranking
from training.evaluation.test_date import TestDate
from training.evaluation.verdict import Verdict, judge
from training.experiment import Experiment
from training.matrix import Matrix

OURS = "ours"
CHAMPION = "champion"
WITHOUT = "without "

Passes = tuple[Floats, Floats]
"""One ranking's numbers: (7,) of every household once, and (resamples, 7)."""


@dataclass(frozen=True)
class DateInput:
    """One test date: its rows, the rankings of them, and the margins without each theme."""

    as_of: dt.date
    test: Matrix
    rankings: Sequence[Ranking]
    ablated: Mapping[str, npt.NDArray[np.float64]]

    @property
    def all_rankings(self) -> list[Ranking]:
        """The rankings and the ablated ones."""
        without = [Ranking(WITHOUT + theme, ranks, False, False) for theme, ranks in self.ablated.items()]
        return [*self.rankings, *without]


@dataclass(frozen=True)
class Comparison:
    """What the test dates showed, one by one and together."""

    tests: tuple[TestDate, ...]
    pooled: dict[str, Pooled]
    verdict: Verdict
    list_changes: tuple[ListChange, ...]
    churn: tuple[Churn, ...]
    ablation: tuple[Ablation, ...]


def compare(
    experiment: Experiment,
    inputs: Sequence[DateInput],
    outcomes: pd.DataFrame | None,
    champion: Champion | None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Measure everything. `progress` is called with (dates done, one more than there are)."""
    areas = [experiment.capacity.divide(one.test.villages, len(one.test.labels)) for one in inputs]
    passes = _measure(experiment, inputs, areas)
    tests = []
    for number, (one, of_areas, found) in enumerate(zip(inputs, areas, passes, strict=True), 1):
        if progress:
            progress(number, len(inputs) + 1)
        tests.append(_test_date(experiment, one, of_areas, found, outcomes))
    pooled_passes = _pool(inputs, passes)
    kinds = {one.name: kind_of(one) for one in inputs[0].rankings if one.name in pooled_passes}
    rules = [name for name, kind in kinds.items() if kind == "rule"]
    best_rule = max(rules, key=lambda name: float(precision(pooled_passes[name][0])))
    pooled = {
        name: describe_pooled(kind, *pooled_passes[name], pooled_passes[best_rule])
        for name, kind in kinds.items()
    }
    baselines = {name: kind for name, kind in kinds.items() if kind in {"rule", "card", "learned"}}
    verdict = judge(
        {name: pooled[name].precision.value for name in baselines},
        {name: difference(pooled_passes[OURS], pooled_passes[name]) for name in baselines},
        experiment.must_beat,
        frozenset(name for name, kind in baselines.items() if kind == "learned"),
    )
    if progress:
        progress(len(inputs) + 1, len(inputs) + 1)
    bootstrap = {"seed": experiment.bootstrap.seed, "resamples": experiment.bootstrap.resamples}
    lists = [
        (one.as_of, one.test.households, listed(_ours(one), of_areas))
        for one, of_areas in zip(inputs, areas, strict=True)
    ]
    of_released = _pool_released(inputs, passes)
    return Comparison(
        tests=tuple(tests),
        pooled=pooled,
        verdict=verdict,
        list_changes=tuple(
            list_change(before, after, **bootstrap) for before, after in itertools.pairwise(lists)
        ),
        churn=tuple(
            _churn(champion, one, of_areas, found, bootstrap)
            for one, of_areas, found in zip(inputs, areas, passes, strict=True)
            if champion is not None
        ),
        ablation=ablations({
            name.removeprefix(WITHOUT): found
            for name, found in of_released.items()
            if name.startswith(WITHOUT)
        }),
    )


def kind_of(ranking: Ranking) -> str:
    """rule (what offices go by today), card (hand weights), learned, champion or ours."""
    if ranking.name in {OURS, CHAMPION}:
        return ranking.name
    if ranking.name == POINTS_CARD:
        return "card"
    return "rule" if ranking.is_rule else "learned"


def _measure(
    experiment: Experiment, inputs: Sequence[DateInput], areas: Sequence[Areas]
) -> list[dict[str, Passes]]:
    """Every ranking's passes, by date and name; a household is drawn alike on all dates."""
    everybody = pd.Index(np.unique(np.concatenate([one.test.households for one in inputs])))
    rows = [everybody.get_indexer(pd.Index(one.test.households)) for one in inputs]
    ranked = [
        [
            sort_ranking(one.test.labels, ranking.ranks, of_areas, is_probability=ranking.is_probability)
            for ranking in one.all_rankings
        ]
        for one, of_areas in zip(inputs, areas, strict=True)
    ]
    drawn = resample(
        ranked, rows, len(everybody), seed=experiment.bootstrap.seed,
        resamples=experiment.bootstrap.resamples, threads=experiment.fit.threads,
    )  # fmt: skip
    return [
        {
            ranking.name: (measure_once(ready), found)
            for ranking, ready, found in zip(one.all_rankings, of_date, of_draws, strict=True)
        }
        for one, of_date, of_draws in zip(inputs, ranked, drawn, strict=True)
    ]


def _pool(inputs: Sequence[DateInput], passes: Sequence[dict[str, Passes]]) -> dict[str, Passes]:
    """Passes over all dates; a ranking that some date does not have is left out."""
    names = [name for name in passes[0] if all(name in one for one in passes)]
    return {name: _pooled([one[name] for one in passes]) for name in names}


def _pool_released(inputs: Sequence[DateInput], passes: Sequence[dict[str, Passes]]) -> dict[str, Passes]:
    """The same over the dates of the released model alone: the only one that is ablated."""
    own = [found for one, found in zip(inputs, passes, strict=True) if one.ablated]
    return _pool(inputs, own or passes[-1:])


def _pooled(passes: Sequence[Passes]) -> Passes:
    return pool([once for once, _ in passes]), pool([drawn for _, drawn in passes])


def _test_date(
    experiment: Experiment,
    one: DateInput,
    areas: Areas,
    passes: dict[str, Passes],
    outcomes: pd.DataFrame | None,
) -> TestDate:
    labels, ours = one.test.labels, _ours(one)
    bootstrap = {"seed": experiment.bootstrap.seed, "resamples": experiment.bootstrap.resamples}
    rules = [ranking.name for ranking in one.rankings if ranking.is_rule]
    best = max(rules, key=lambda name: float(precision(passes[name][0])))
    rankings: dict[str, Measured] = {
        ranking.name: describe(
            kind_of(ranking), labels, *passes[ranking.name], cut(ranking.ranks, areas), passes[best]
        )
        for ranking in one.rankings
    }
    visited = cut(ours, areas)
    groups = household_groups(one.test.vectors, one.test.villages, experiment.groups.areas)
    dialled = {ranking.name: ranking.ranks for ranking in one.rankings if ranking.name in {OURS, best}}
    return TestDate(
        as_of=one.as_of,
        n=len(labels),
        positives=one.test.positives,
        base_rate=one.test.positives / len(labels),
        visits=areas.total,
        best_rule=best,
        rankings=rankings,
        differences={
            name: difference(passes[OURS], passes[name]) for name in rankings if name != OURS
        },
        areas=by_area(areas, visited, labels, small_cell=experiment.groups.small_cell, **bootstrap),
        groups=measure_groups(
            groups, outcome_kinds(outcomes, one.test.households), labels, visited.chance,
            small_cell=experiment.groups.small_cell, **bootstrap,
        ),
        reliability=curve(labels, ours, **bootstrap),
        dial={name: cost_dial(labels, ranks, areas, **bootstrap) for name, ranks in dialled.items()},
    )  # fmt: skip


def _churn(
    champion: Champion, one: DateInput, areas: Areas, passes: dict[str, Passes], bootstrap: Mapping[str, int]
) -> Churn:
    theirs = next(ranking.ranks for ranking in one.rankings if ranking.name == CHAMPION)
    return churn(
        one.as_of, champion.version, champion.saw(one.as_of), listed(_ours(one), areas),
        listed(theirs, areas), difference(passes[OURS], passes[CHAMPION]), **bootstrap,
    )  # fmt: skip


def _ours(one: DateInput) -> npt.NDArray[np.float64]:
    return next(ranking.ranks for ranking in one.rankings if ranking.name == OURS)
