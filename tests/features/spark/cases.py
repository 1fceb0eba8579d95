"""Households written out by hand as of 29 February: they move, split, gain a child and lose a member."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from features import CONTRACTS
from tests.features import oracle
from tests.features.worlds import World

AS_OF = dt.date(2024, 2, 29)
LONG_AGO = dt.date(2015, 1, 1)
GROWN_UP = dt.date(1980, 5, 1)
COVERED, HALF_COVERED = "500999001001", "500999001002"
"""Villages: every feed is complete for the first; only the register and the members for the second."""

Rows = dict[str, list[dict[str, Any]]]


def day(month: int, number: int, year: int = 2024) -> dt.date:
    return dt.date(year, month, number)


def row(feed: str, since: dt.date = LONG_AGO, known: dt.date | None = None, **values: Any) -> dict[str, Any]:
    """A stored row: a spell without an end, or an event, known at once."""
    made = CONTRACTS[feed].parse_row(CONTRACTS[feed].generate(random.Random(feed)))
    assert isinstance(made, dict)
    made |= {"occurred_on": since, "known_on": known or since}
    if "ended_on" in made:
        made |= {"ended_on": None, "ended_known_on": None}
    assert set(values) <= set(made)
    return {**made, **values}


def lives_in(village: str, since: dt.date = LONG_AGO, **values: Any) -> dict[str, Any]:
    return row("household", since, village_code=village, **values)


def member(born: dt.date = GROWN_UP, since: dt.date = LONG_AGO, **values: Any) -> dict[str, Any]:
    return row("member", since, born_on=born, **values)


def ended(on: dt.date, known: dt.date) -> dict[str, Any]:
    return {"ended_on": on, "ended_known_on": known}


HOUSEHOLDS: dict[str, Rows] = {
    "register-only": {"household": [lives_in(COVERED)]},
    "half-covered": {"household": [lives_in(HALF_COVERED)], "member": [member()]},
    "moved": {
        "household": [
            lives_in(COVERED, **ended(day(2, 10), day(2, 15))),
            lives_in(HALF_COVERED, day(2, 11), known=day(2, 15)),
        ],
        "member": [member()],
    },
    "moved-end-unknown": {
        "household": [
            lives_in(COVERED, **ended(day(2, 10), day(3, 5))),
            lives_in(HALF_COVERED, day(2, 11), known=day(2, 15)),
        ],
        "member": [member()],
    },
    "gone": {"household": [lives_in(COVERED, **ended(day(2, 10), day(2, 15)))], "member": [member()]},
    "split-from": {
        "household": [lives_in(COVERED)],
        "member": [member(), member(), member(**ended(day(2, 1), day(2, 5)))],
    },
    "split-off": {
        "household": [lives_in(COVERED, day(2, 2), known=day(2, 5))],
        "member": [member(since=day(2, 2), known=day(2, 5))],
    },
    "child-born": {"household": [lives_in(COVERED)], "member": [member(), member(AS_OF, since=AS_OF)]},
    "child-not-yet-known": {
        "household": [lives_in(COVERED)],
        "member": [member(), member(AS_OF, since=AS_OF, known=day(3, 1))],
    },
    "sixteen-today": {"household": [lives_in(COVERED)], "member": [member(day(2, 29, 2008))]},
    "sixteen-tomorrow": {"household": [lives_in(COVERED)], "member": [member(day(3, 1, 2008))]},
    "deceased": {
        "household": [lives_in(COVERED)],
        "member": [member(), member(**ended(day(2, 20), day(2, 28)))],
    },
    "death-not-yet-known": {
        "household": [lives_in(COVERED)],
        "member": [member(), member(**ended(day(2, 20), day(3, 2)))],
    },
    "ill-before-the-window": {
        "household": [lives_in(COVERED)],
        "illness": [row("illness", day(2, 28, 2023), self_paid_fen=700_01)],
    },
    "ill-in-the-window": {
        "household": [lives_in(COVERED)],
        "illness": [row("illness", day(3, 1, 2023), self_paid_fen=700_01)],
    },
}

MEMBERS, CHILDREN, SELF_PAID = (
    "composition_members_count",
    "composition_children_count",
    "illness_self_paid_yuan_12m",
)
EXPECTED: dict[str, dict[str, float | None]] = {
    "register-only": {MEMBERS: 0, CHILDREN: 0, SELF_PAID: 0},
    "half-covered": {MEMBERS: 1, SELF_PAID: None},
    "moved": {MEMBERS: 1, SELF_PAID: None},
    "moved-end-unknown": {MEMBERS: 1, SELF_PAID: 0},
    "split-from": {MEMBERS: 2},
    "split-off": {MEMBERS: 1},
    "child-born": {MEMBERS: 2, CHILDREN: 1},
    "child-not-yet-known": {MEMBERS: 1, CHILDREN: 0},
    "sixteen-today": {MEMBERS: 1, CHILDREN: 0},
    "sixteen-tomorrow": {MEMBERS: 1, CHILDREN: 1},
    "deceased": {MEMBERS: 1},
    "death-not-yet-known": {MEMBERS: 2},
    "ill-before-the-window": {SELF_PAID: 0},
    "ill-in-the-window": {SELF_PAID: 700.01},
}
"""What a person works out from the rows; `gone` is registered nowhere and has no vector."""


def world() -> World:
    """The households as one world."""
    rows = {
        key: {feed: [{**one, "household_id": key} for one in feeds.get(feed, [])] for feed in CONTRACTS}
        for key, feeds in HOUSEHOLDS.items()
    }
    since = AS_OF - dt.timedelta(days=3000)
    deliveries: list[oracle.Delivery] = [(feed, COVERED, since, AS_OF, AS_OF) for feed in CONTRACTS]
    deliveries += [(feed, HALF_COVERED, since, AS_OF, AS_OF) for feed in ("household", "member")]
    return World(rows, deliveries)
