"""How many visits each village has: the model's own visit capacity, shared out by largest remainder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scoring.capacity import LEVEL_LENGTHS, WHOLE, Capacity, apportion_visits
from scoring.errors import CapacityError


def share_visits(capacity: Capacity, area: str, households: Mapping[str, int]) -> dict[str, int]:
    """Visits of each village of an area; `households` are counted by village.

    Each area of the capacity's level gets as many visits as in training, and gives them to its villages in
    proportion to their households. Raises `CapacityError` where a number of visits is for more than the area.
    """
    if not households:
        return {}
    villages = sorted(households)
    counts = np.array([households[one] for one in villages], dtype=np.int64)
    length = LEVEL_LENGTHS[capacity.level]
    index, codes = _areas([one[:length] for one in villages])
    sizes = np.bincount(index, weights=counts).astype(np.int64)
    made = np.zeros(len(villages), dtype=np.int64)
    for at, visits in enumerate(_within(capacity, area).visits(codes, sizes)):
        ours = np.flatnonzero(index == at)
        made[ours] = apportion_visits(int(visits), counts[ours])
    return dict(zip(villages, map(int, made), strict=True))


def share_among_grids(visits: int, households: Mapping[str, int]) -> dict[str, int]:
    """A village's visits among its grids, in proportion to their households."""
    grids = sorted(households)
    counts = np.array([households[one] for one in grids], dtype=np.int64)
    return dict(zip(grids, map(int, apportion_visits(visits, counts)), strict=True))


def _within(capacity: Capacity, area: str) -> Capacity:
    """The capacity for one area: overrides of elsewhere do not matter, one of around is the area's quota."""
    around = [quota for code, quota in capacity.overrides if area.startswith(code)]
    inside = tuple((code, quota) for code, quota in capacity.overrides if code.startswith(area))
    is_wider = LEVEL_LENGTHS[capacity.level] < len(area)
    quota = around[-1] if around and is_wider else capacity.quota
    if is_wider and quota.visits is not None:
        raise CapacityError(
            f"the capacity is {quota.visits} visits for a whole {_name(capacity.level)}, of which this is a "
            "part: give the share of the households that can be visited here"
        )
    return replace(capacity, quota=quota, overrides=() if is_wider else inside)


def _name(level: str) -> str:
    return "country" if level == WHOLE else level


def _areas(names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    codes = sorted(set(names))
    place = {one: at for at, one in enumerate(codes)}
    return np.array([place[one] for one in names], dtype=np.int64), codes
