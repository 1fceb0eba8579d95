"""The state of feeds, village by village, and the faults of deliveries by household, as columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features import Coverage
from features.health import Health, Verdict, flagged_households
from scoring.assessment import Freshness, is_silent, is_unheard
from serving.scorer import freshness

STATES: tuple[Freshness, ...] = ("missing", "stale", "partial")
"""The states that are told, each by the feeds that are in it."""

FAULT = pa.struct([
    ("feed", pa.string()),
    ("area_code", pa.string()),
    ("period", pa.date32()),
    ("state", pa.string()),
    ("reason", pa.string()),
])


@dataclass(frozen=True)
class FeedColumns:
    """For n households: a list column for each of `STATES`, the faults, who is therefore watched, and of whom
    every department is silent."""

    states: Mapping[Freshness, pa.Array]
    faults: pa.Array
    is_watched: npt.NDArray[np.bool_]
    is_unheard: npt.NDArray[np.bool_]

    def of(self, rows: npt.NDArray[np.bool_]) -> FeedColumns:
        """Those of some of the households."""
        chosen = pa.array(rows)
        return FeedColumns(
            {state: one.filter(chosen) for state, one in self.states.items()},
            self.faults.filter(chosen),
            self.is_watched[rows],
            self.is_unheard[rows],
        )


class FeedFaults:
    """The faults that a check-up found, to be looked up by household and county."""

    def __init__(self, health: Health | None) -> None:
        self.blocked = health.blocked if health else ()
        self._flagged = flagged_households(health) if health else {}
        self._keys = pa.array(list(self._flagged), pa.string())

    def of(
        self, villages: Sequence[str], village_of: Any, household_ids: pa.Array
    ) -> list[Sequence[Verdict]]:
        """The faults of each household, those of its county first; `village_of` are places in `villages`."""
        by_village = [tuple(one for one in self.blocked if place.startswith(one.area)) for place in villages]
        found: list[Sequence[Verdict]] = [()] * len(household_ids)
        if any(by_village):
            found = [by_village[at] for at in village_of.tolist()]
        if self._flagged:
            hit = pc.is_in(household_ids, value_set=self._keys)
            for row in np.flatnonzero(hit.to_numpy(zero_copy_only=False)).tolist():
                found[row] = (*found[row], *self._flagged[household_ids[row].as_py()])
        return found


def feed_columns(
    household_ids: pa.Array,
    village_codes: pa.Array,
    as_of: dt.date,
    region: str,
    coverage: Coverage,
    look_back: Mapping[str, int],
    faults: FeedFaults,
) -> FeedColumns:
    """The columns of n households; `look_back` says how many months of each feed are asked for."""
    encoded = village_codes.dictionary_encode()
    villages = [str(one) for one in encoded.dictionary.to_pylist()]
    village_of = encoded.indices.to_numpy(zero_copy_only=False)
    fresh = [freshness(coverage, one, as_of, region, look_back) for one in villages]
    states = {
        state: pa.array(
            [[feed for feed, found in one.items() if found == state] for one in fresh], pa.list_(pa.string())
        ).take(encoded.indices)
        for state in STATES
    }
    silent = np.array([is_silent(one) for one in fresh], dtype=np.bool_)
    unheard = np.array([is_unheard(one) for one in fresh], dtype=np.bool_)
    told = faults.of(villages, village_of, household_ids)
    is_faulty = np.array([bool(one) for one in told], dtype=np.bool_)
    return FeedColumns(states, _fault_column(told), silent[village_of] | is_faulty, unheard[village_of])


def _fault_column(told: Sequence[Sequence[Verdict]]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in told])]).astype(np.int32)
    rows = [(one.feed, one.area, one.period, one.state, one.reason) for verdicts in told for one in verdicts]
    fields = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(FAULT)]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(fields, fields=list(FAULT)))
