"""Unread: the areas of which most rows were refused, and the statements that are left without them.

A department can deliver one village in a form that nobody can read while the rest is in order. Of that
village nothing is known, which is not the same as nothing happened.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa

from features.connection import connect
from features.regions import AREA_LEVELS
from features.signals.contract import OCCURRED_ON
from features.signals.coverage import Delivery
from features.signals.intake import Intake

MOST_REFUSED = 0.5
"""Share of refused rows beyond which a feed, or one area of it, counts as not delivered."""

FEWEST_REFUSED = 5
"""Fewer refused rows of one area and period can be chance where a tenth of a feed is dirt; an assumption."""

_LEVELS = tuple(AREA_LEVELS)

Counts = Mapping[str, tuple[int, int]]
"""Village → its refused rows and all its rows."""


class Homes:
    """Who lives where, by the register as it was delivered; its refused rows place whom they can.

    A household that moved belongs to where it was last.
    """

    def __init__(self, register: Intake) -> None:
        with connect() as connection:
            connection.register(
                "accepted", register.accepted.select(["household_id", "village_code", OCCURRED_ON])
            )
            connection.register("refused", register.traces)
            self.table = connection.sql(
                "SELECT household_id, ARG_MAX(village_code, occurred_on) AS village FROM accepted GROUP BY 1 "
                "UNION ALL SELECT household_id, MAX(village) FROM refused WHERE household_id IS NOT NULL "
                "AND village IS NOT NULL AND household_id NOT IN (SELECT household_id FROM accepted) "
                "GROUP BY 1"
            ).to_arrow_table()
        self.parts: dict[str, set[str]] = defaultdict(set)
        """Area → the areas one level below it in which somebody lives."""
        for village in set(self.table["village"].to_pylist()):
            for above, below in pairwise(_LEVELS):
                self.parts[village[:above]].add(village[:below])


def is_readable(taken: Intake) -> bool:
    """Whether not more than `MOST_REFUSED` of the rows of a feed were refused."""
    return len(taken.quarantined) <= MOST_REFUSED * taken.rows_in


def read_statements(taken: Intake, homes: Homes, statements: Iterable[Delivery]) -> list[Delivery]:
    """The statements of a feed without the areas of which more than `MOST_REFUSED` of the rows were refused.

    An area, from the province to the village, is left out of every statement where most of its rows in the
    whole delivery were refused; and out of one where most of its rows from that period were, of which at
    least `FEWEST_REFUSED`. A row that cannot be placed counts for the feed as a whole alone (`is_readable`).
    """
    given = list(statements)
    if not taken.quarantined:
        return given
    periods = sorted({(one.complete_from, one.complete_until) for one in given})
    whole, counted = _count(taken, homes, periods)
    everywhere = _mostly_refused(whole, 1)
    unread = {
        period: everywhere | _mostly_refused(counts, FEWEST_REFUSED)
        for period, counts in zip(periods, counted, strict=True)
    }
    return [
        part for one in given for part in _without(one, unread[one.complete_from, one.complete_until], homes)
    ]


def _count(
    taken: Intake, homes: Homes, periods: list[tuple[dt.date, dt.date]]
) -> tuple[Counts, list[Counts]]:
    """Refused rows and all rows by village: of the whole delivery, and of each period."""
    with connect() as connection:
        connection.register("accepted", taken.accepted.select(["household_id", OCCURRED_ON]))
        connection.register("refused", taken.traces)
        connection.register("homes", homes.table)
        connection.register("periods", pa.table({
            "period": pa.array(range(len(periods)), pa.int64()),
            "since": pa.array([first for first, _ in periods], pa.date32()),
            "until": pa.array([last for _, last in periods], pa.date32()),
        }))  # fmt: skip
        connection.execute("""
            CREATE TEMP TABLE placed AS
            SELECT village, day, CAST(SUM(refused) AS BIGINT) AS refused, COUNT(*) AS rows FROM (
                SELECT COALESCE(r.village, h.village) AS village, r.day, 1 AS refused
                FROM refused r LEFT JOIN homes h ON h.household_id = r.household_id
                UNION ALL
                SELECT h.village, a.occurred_on, 0
                FROM accepted a JOIN homes h ON h.household_id = a.household_id
            ) WHERE village IS NOT NULL GROUP BY village, day
        """)
        numbers = "CAST(SUM(refused) AS BIGINT), CAST(SUM(rows) AS BIGINT)"
        whole = connection.sql(f"SELECT village, {numbers} FROM placed GROUP BY 1").fetchall()  # noqa: S608
        # Of most periods next to nothing was refused.
        inside = "placed JOIN periods ON day BETWEEN since AND until"
        parts = connection.sql(
            f"SELECT period, village, {numbers} FROM {inside} WHERE period IN (SELECT period FROM {inside} "  # noqa: S608
            f"WHERE refused > 0 GROUP BY period HAVING SUM(refused) >= {FEWEST_REFUSED}) GROUP BY 1, 2"
        ).fetchall()
    counted: list[dict[str, tuple[int, int]]] = [{} for _ in periods]
    for period, village, refused, rows in parts:
        counted[period][village] = refused, rows
    return {village: (refused, rows) for village, refused, rows in whole}, list(counted)


def _mostly_refused(counts: Counts, at_least: int) -> set[str]:
    """The areas of which most rows were refused; of one that is, no part."""
    found: set[str] = set()
    for digits in _LEVELS:
        totals: dict[str, tuple[int, int]] = {}
        for village, (refused, rows) in counts.items():
            before = totals.get(village[:digits], (0, 0))
            totals[village[:digits]] = before[0] + refused, before[1] + rows
        found |= {
            area
            for area, (refused, rows) in totals.items()
            if refused >= at_least and refused > MOST_REFUSED * rows and not _is_inside(area, found)
        }
    return found


def _is_inside(area: str, others: Collection[str]) -> bool:
    return any(area[:digits] in others for digits in _LEVELS if digits <= len(area))


def _without(one: Delivery, areas: Collection[str], homes: Homes) -> Iterator[Delivery]:
    """A statement without some areas: the largest parts that hold none of them, as far as anybody lives."""
    above = {area[:digits] for area in areas for digits in _LEVELS if digits < len(area)}

    def parts(code: str) -> Iterator[str]:
        if code not in above:
            if not _is_inside(code, areas):
                yield code
            return
        for part in sorted(homes.parts[code]):
            yield from parts(part)

    return (replace(one, area_code=code) for code in parts(one.area_code))
