"""Groups: whom the list finds and whom it passes by, for each kind of household and outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scoring.estimate import Estimate

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

OUTCOME_GROUPS = {"object_type": "object_type", "cause": "cause_code"}
"""Groups by what was found at identification, and the outcome table's column: only known with the outcome."""

GROUP_FEATURES = (
    "composition_members_count",
    "composition_elderly_count",
    "composition_disabled_count",
    "composition_is_formerly_poor",
)
"""The features that tell a household's group; computed beside the model's own, whatever that reads."""


@dataclass(frozen=True)
class Cell:
    """One group: how many households, visits and outcomes it has, and which share of these is visited.

    Groups by outcome have no n and visits of their own. `is_small` marks fewer outcomes than the experiment
    asks for: such a recall says little, and its interval is Wilson's.
    """

    group: str
    n: int | None
    visits: float | None
    positives: int
    found: float
    recall: Estimate | None
    is_small: bool


@dataclass(frozen=True)
class Grouping:
    """All groups of one kind."""

    by: str
    cells: tuple[Cell, ...]


def household_groups(
    vectors: pd.DataFrame,
    villages: npt.NDArray[np.object_] | None,
    named_areas: Sequence[tuple[str, tuple[str, ...]]],
) -> dict[str, npt.NDArray[np.object_]]:
    """The group of each row, by kind of group; ``unknown`` where a feature is missing.

    `named_areas` are the experiment's own, such as (remote, area codes): a place is remote because somebody
    who knows it says so.
    """
    found: dict[str, npt.NDArray[np.object_]] = {}
    columns = {name: vectors[name].to_numpy(dtype=np.float64) for name in GROUP_FEATURES if name in vectors}
    if len(columns) == len(GROUP_FEATURES):
        members, elderly, disabled, poor = columns.values()
        found["elderly_only"] = _yes_no((members > 0) & (elderly >= members), members + elderly)
        found["disabled"] = _yes_no(disabled > 0, disabled)
        found["formerly_poor"] = _yes_no(poor > 0, poor)
    if villages is not None:
        codes = pd.Series(villages, dtype="str")
        found["county"] = codes.str[:6].to_numpy(dtype=object)
        found["township"] = codes.str[:9].to_numpy(dtype=object)
        for name, places in named_areas:
            found[name] = np.where(codes.str.startswith(places), "yes", "no").astype(object)
    return found


def measure_groups(
    groups: Mapping[str, npt.NDArray[np.object_]],
    outcome_groups: Mapping[str, npt.NDArray[np.object_]],
    labels: Labels,
    chance: Floats,
    *,
    small_cell: int,
    seed: int,
    resamples: int,
) -> tuple[Grouping, ...]:
    """Recall at capacity in every group.

    The list stays as it was (`chance` (n,) to be on it); the households with the outcome are drawn anew for
    the interval.
    """
    positive = np.flatnonzero(labels == 1)
    rng = np.random.default_rng([seed, 2])
    weights = rng.poisson(1.0, (resamples, len(positive))).astype(np.float64)

    def cell(name: str, kinds: npt.NDArray[np.object_], is_outcome: bool) -> Cell:
        mine = kinds == name
        of_positive = mine[positive]
        count = int(of_positive.sum())
        found = float(chance[positive][of_positive].sum())
        own = weights[:, of_positive]
        with np.errstate(invalid="ignore"):
            drawn = own @ chance[positive][of_positive] / own.sum(axis=1)
        recall = Estimate.of_share(found, count, drawn, small_cell)
        n, visits = (None, None) if is_outcome else (int(mine.sum()), float(chance[mine].sum()))
        return Cell(name, n, visits, count, found, recall, count < small_cell)

    def grouping(by: str, kinds: npt.NDArray[np.object_], is_outcome: bool) -> Grouping:
        seen = kinds[positive] if is_outcome else kinds
        return Grouping(by, tuple(cell(one, kinds, is_outcome) for one in sorted(set(seen.tolist()))))

    return (
        *(grouping(by, kinds, True) for by, kinds in outcome_groups.items()),
        *(grouping(by, kinds, False) for by, kinds in groups.items()),
    )


def outcome_kinds(
    outcomes: pd.DataFrame | None, households: npt.NDArray[np.object_]
) -> dict[str, npt.NDArray[np.object_]]:
    """Type and cause of each row's identification, ``unknown`` where there is none."""
    if outcomes is None:
        return {}
    facts = outcomes.set_index("household_id").reindex(households)
    return {
        by: facts[column].astype("object").where(facts[column].notna(), "unknown").to_numpy(dtype=object)
        for by, column in OUTCOME_GROUPS.items()
        if column in facts
    }


def _yes_no(is_so: npt.NDArray[np.bool_], known: Floats) -> npt.NDArray[np.object_]:
    return np.where(np.isnan(known), "unknown", np.where(is_so, "yes", "no")).astype(object)
