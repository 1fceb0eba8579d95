"""Facts: the latest visible record of a feed, the same from rows and from tables."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from features import CONTRACTS, Coverage, Signals, take_in
from features.engines.row import stored_row
from features.facts import LatestFact, is_any_visible, latest_facts, latest_facts_table

AS_OF = dt.date(2026, 10, 31)


def job(began: str, known: str, ended: str | None = None, ended_known: str | None = None) -> dict[str, Any]:
    return {
        "household_id": "H", "occurred_on": began, "known_on": known, "ended_on": ended,
        "ended_known_on": ended_known, "member_id": "H-1", "work": "migrant",
        "monthly_wage_yuan": 3_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("jobs", "records", "occurred_on", "known_on"),
    [
        ([job("2024-03-01", "2024-04-01")], 1, "2024-03-01", "2024-04-01"),
        ([job("2024-03-01", "2024-04-01", "2026-07-31", "2026-09-10")], 1, "2026-07-31", "2026-09-10"),
        # An end that nobody could have read yet is none.
        ([job("2024-03-01", "2024-04-01", "2026-07-31", "2026-11-01")], 1, "2024-03-01", "2024-04-01"),
        (
            [job("2024-03-01", "2024-04-01", "2025-07-31", "2025-09-10"), job("2025-08-01", "2025-08-20")],
            2, "2025-08-01", "2025-08-20",
        ),
    ],
)  # fmt: skip
def test_a_spell_counts_by_its_end_once_that_is_known(
    jobs: list[dict[str, Any]], records: int, occurred_on: str, known_on: str
) -> None:
    taken = take_in("employment", jobs)
    assert not taken.quarantined, taken.quarantined
    tables = {feed: one.schema.empty_table() for feed, one in CONTRACTS.items()}
    signals = Signals({**tables, "employment": taken.accepted}, Coverage())
    days = [dt.date.fromisoformat(one) for one in (occurred_on, known_on)]
    expected = LatestFact("employment", records, *days)
    rows = [stored_row(row) for row in signals.household_rows("H")["employment"]]
    assert latest_facts({"employment": rows}, AS_OF) == {"employment": expected}
    table = latest_facts_table(signals, AS_OF)
    (row,) = table.to_dict("records")
    assert (row["records"], row["occurred_on"].date(), row["known_on"].date()) == (records, *days)
    assert pa.types.is_date(taken.accepted.schema.field("ended_on").type)


@pytest.mark.parametrize(("occurred_on", "known_on", "is_visible"), [
    ("2026-10-31", "2026-10-31", True), ("2026-10-30", "2026-11-01", False), ("2026-11-01", "2026-11-01", False),
])  # fmt: skip
def test_a_feed_has_a_latest_fact_where_a_row_is_visible(
    occurred_on: str, known_on: str, is_visible: bool
) -> None:
    days = {"occurred_on": dt.date.fromisoformat(occurred_on), "known_on": dt.date.fromisoformat(known_on)}
    later = stored_row(dict.fromkeys(days, dt.date(2026, 12, 1)))
    for rows in ([stored_row(days)], [later, stored_row(days)]):
        assert is_any_visible(rows, AS_OF) is is_visible
        assert bool(latest_facts({"water": rows}, AS_OF)) is is_visible
    assert not is_any_visible([], AS_OF)
