"""The cut of a list: whom a village or grid is to visit, in which order, and why.

First everybody of whom something always surfaces, even where that is more than can be visited; then by
score, as far as the visits reach. Where the last places are equally good, who was not visited for longest
comes first, then the key's hash: a fixed rule, the same for everybody. Households that are left out say
why.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a household is listed."""

    HARD = "hard"
    """必访: something that always surfaces, whatever the score says."""
    SCORE = "score"
    """评分: among the highest scores that can be visited."""
    RANDOM = "random"
    """随机: drawn by lot from those not listed."""
    UNHEARD = "unheard"
    """无数据: nothing is known of it, and the visits that the scores leave reach so far."""
    ADDED = "added"
    """手工添加: by somebody, with a reason."""


class LeftOut(StrEnum):
    """Why a household is not considered for a list."""

    VISITED_LATELY = "visited_lately"
    CASE_FURTHER_ON = "case_further_on"


@dataclass(frozen=True)
class Candidate:
    """A household that could be listed; `last_visited_on` is `None` where nobody remembers a visit, `score`
    where the run did not score it: then it comes behind the others, for that nothing is known of it."""

    household_id: str
    village_code: str
    grid: str
    score: float | None
    is_hard: bool = False
    last_visited_on: dt.date | None = None
    left_out: LeftOut | None = None


@dataclass(frozen=True)
class Entry:
    """One household of a list. `place` counts from 1 within the village or grid.

    `is_tied`: its score is that of the last place, which not everybody of that score got. `chance` is the
    probability with which it was drawn, of those drawn by lot.
    """

    household_id: str
    village_code: str
    grid: str
    place: int
    why: Why
    score: float | None
    is_tied: bool = False
    chance: float | None = None


@dataclass(frozen=True)
class Cut:
    """One list. `visits` is what can be visited, `border` the score of the last place that the score gave.

    `above_capacity` says by how many those that always surface are more than the visits; `unlisted` are the
    households that could have been listed and are not, `left_out` counts those that could not.
    """

    entries: tuple[Entry, ...]
    visits: int
    above_capacity: int
    border: float | None
    tied_unlisted: int
    unlisted: tuple[Candidate, ...]
    left_out: dict[str, int]


def cut_list(candidates: Iterable[Candidate], visits: int) -> Cut:
    """The list of one village or grid, cut to so many visits."""
    told = list(candidates)
    left_out = Counter(one.left_out.value for one in told if one.left_out is not None)
    there = [one for one in told if one.left_out is None]
    hard = sorted((one for one in there if one.is_hard), key=_order)
    others = sorted((one for one in there if not one.is_hard), key=_order)
    room = max(0, visits - len(hard))
    listed, unlisted = others[:room], others[room:]
    # Those without a score come last: of them nothing is known.
    border = next((one.score for one in reversed(listed) if one.score is not None), None)
    tied = sum(1 for one in unlisted if one.score == border) if border is not None else 0
    entries = [_entry(one, place, Why.HARD) for place, one in enumerate(hard, 1)]
    entries += [
        _entry(
            one,
            place,
            Why.UNHEARD if one.score is None else Why.SCORE,
            is_tied=tied > 0 and one.score == border,
        )
        for place, one in enumerate(listed, len(hard) + 1)
    ]
    return Cut(
        tuple(entries), visits, max(0, len(hard) - visits), border, tied, tuple(unlisted), dict(left_out)
    )


def draw_by_lot(pool: Collection[Candidate], count: int, seed: str) -> tuple[list[Candidate], float]:
    """`count` of the pool, each household with the same chance, which is answered beside them.

    Simple random sampling without replacement: those with the least hashes of seed and key. Whoever has the
    seed draws the same again.
    """
    if count <= 0 or not pool:
        return [], 0.0
    drawn = sorted(pool, key=lambda one: (_hash(one, seed), one.household_id))[:count]
    return drawn, len(drawn) / len(pool)


def with_drawn(cut: Cut, drawn: Sequence[Candidate], chance: float) -> Cut:
    """The list with those drawn by lot from its unlisted at its end."""
    first = len(cut.entries) + 1
    keys = {one.household_id for one in drawn}
    more = [_entry(one, place, Why.RANDOM, chance=chance) for place, one in enumerate(drawn, first)]
    rest = tuple(one for one in cut.unlisted if one.household_id not in keys)
    return Cut(
        (*cut.entries, *more), cut.visits, cut.above_capacity, cut.border, cut.tied_unlisted, rest,
        cut.left_out,
    )  # fmt: skip


def _entry(
    one: Candidate, place: int, why: Why, *, is_tied: bool = False, chance: float | None = None
) -> Entry:
    return Entry(one.household_id, one.village_code, one.grid, place, why, one.score, is_tied, chance)


def _order(one: Candidate) -> tuple[float, dt.date, str, str]:
    """Highest score, then longest unvisited (nobody ever was there: longest), then the hash of the key."""
    score = -1.0 if one.score is None else one.score
    return -score, one.last_visited_on or dt.date.min, _hash(one, ""), one.household_id


def _hash(one: Candidate, seed: str) -> str:
    return hashlib.sha256(f"{seed}\n{one.village_code}\n{one.household_id}".encode()).hexdigest()
