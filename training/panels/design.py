"""Design: from the columns that are kept to vectors, with what a panel and its groups add.

Added are the value a wave before and the change since, what the household's own label was, the mean of the
others in the group, and the naive value's place in its wave and group. Nothing of a later wave, and no label
of the row itself or of its own wave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.panels.columns import Column, Floats
from training.panels.waves import mean_before, mean_of_others, wave_before

MOST_HISTORIES = 60
MOST_NEIGHBOURS = 20
COMMON_ROWS = 20
COMMON_SHARE = 0.005
FARTHEST = 1e30
"""Values beyond are no quantity; sums and squares of what is left stay finite."""


@dataclass(frozen=True)
class Design:
    """Vectors (n × features, float64), which columns hold names, and which integers may be names too."""

    vectors: pd.DataFrame
    codes: tuple[str, ...]
    both: tuple[str, ...]


def build_design(
    columns: tuple[Column, ...],
    naive: Floats,
    households: npt.NDArray[np.int64],
    waves: Floats,
    groups: npt.NDArray[np.int64] | None,
    outcome: Floats,
    train: npt.NDArray[np.bool_],
    *,
    is_panel: bool,
) -> Design:
    """Vectors of every row. Levels of categories are counted on the training rows, rarer ones are one level.

    Which columns get a history or neighbours is chosen without labels: the ones closest to the naive value.
    """
    frame = pd.DataFrame({one.name: _values_of(one, train, waves) for one in columns})
    added: dict[str, pd.Series] = {}
    unit, time = pd.Series(households), pd.Series(waves)
    near = _nearest_to(naive, frame, columns)
    if is_panel:
        for name in near[:MOST_HISTORIES]:
            before = wave_before(frame[name], unit, waves)
            added[f"{name}, a wave before"] = before
            added[f"{name}, change"] = frame[name] - before
        label = pd.Series(outcome)
        added["own label, a wave before"] = wave_before(label, unit, waves)
        added["naive value, mean of earlier waves"] = mean_before(pd.Series(naive), unit, waves)
        if groups is not None:
            earlier = added["own label, a wave before"]
            added["label of the group's others, a wave before"] = mean_of_others(
                earlier, time, pd.Series(groups)
            )
    if groups is not None:
        place = pd.Series(groups)
        for name in near[:MOST_NEIGHBOURS]:
            added[f"{name}, mean of the group's others"] = mean_of_others(frame[name], time, place)
        added["naive value, place in the group"] = pd.Series(naive).groupby([time, place]).rank(pct=True)
    vectors = pd.concat([frame, _apart_from(frame, added)], axis=1)
    # Waves without earlier ones leave histories empty, and what never varies teaches nothing.
    kept = [name for name in vectors.columns if vectors.loc[train, name].nunique(dropna=False) > 1]
    codes = tuple(one.name for one in columns if one.kind == "category" and one.name in kept)
    both = tuple(one.name for one in columns if one.kind == "code" and one.name in kept)
    return Design(vectors[kept], codes, both)


def _values_of(column: Column, train: npt.NDArray[np.bool_], waves: Floats) -> Floats:
    if column.kind == "category":
        return _common_levels(column.values, train)
    if column.kind == "date":
        # A date is mostly its wave; only its distance from the wave's other interviews can be learned.
        days = pd.Series(column.values)
        return (days - days.groupby(waves).transform("median")).to_numpy(np.float64)
    return np.clip(column.values, -FARTHEST, FARTHEST)


def _common_levels(codes: Floats, train: npt.NDArray[np.bool_]) -> Floats:
    """Codes by falling frequency from 1; 0 for rare and unseen levels; missing stays missing."""
    found, counts = np.unique(codes[train & ~np.isnan(codes)], return_counts=True)
    least = max(COMMON_ROWS, COMMON_SHARE * train.sum())
    common = found[counts >= least][np.argsort(-counts[counts >= least], kind="stable")]
    numbers = {code: float(at) for at, code in enumerate(common.tolist(), 1)}
    return np.array([np.nan if np.isnan(one) else numbers.get(one, 0.0) for one in codes.tolist()])


def _nearest_to(naive: Floats, frame: pd.DataFrame, columns: tuple[Column, ...]) -> list[str]:
    """Numbers and flags by how closely they rise or fall with the naive value (Spearman), closest first."""
    names = [one.name for one in columns if one.kind in {"number", "code", "flag"}]
    step = max(1, len(frame) // 5_000)
    ranks = frame[names].iloc[::step].rank()
    rule = pd.Series(naive).iloc[::step].rank()
    with np.errstate(invalid="ignore", divide="ignore"):
        near = ranks.apply(lambda column: _correlation(column, rule.set_axis(column.index)))
    return list(near.abs().fillna(0.0).sort_values(ascending=False, kind="stable").index)


def _correlation(one: pd.Series, other: pd.Series) -> float:
    both = one.notna() & other.notna()
    if both.sum() < 3 or one[both].nunique() < 2 or other[both].nunique() < 2:
        return 0.0
    return float(np.corrcoef(one[both], other[both])[0, 1])


def _apart_from(frame: pd.DataFrame, added: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The added columns under names that the file does not use, aligned with its rows."""
    taken, renamed = set(frame.columns), {}
    for name, values in added.items():
        free = name
        while free in taken:
            free += "′"
        taken.add(free)
        renamed[free] = values.to_numpy(np.float64)
    return pd.DataFrame(renamed, index=frame.index)
