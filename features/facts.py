"""Facts: the latest visible record of each feed, so that a number can be traced to a date and a source.

What lasts has two days that count: its beginning, and its end once that is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from features.dates import from_day, to_day
from features.signals import CONTRACTS
from features.signals.store import Signals


@dataclass(frozen=True)
class LatestFact:
    """How many records of a feed are visible for a household, and the dates of the latest."""

    feed: str
    records: int
    occurred_on: dt.date
    known_on: dt.date


def latest_facts(rows: Mapping[str, Sequence[Mapping[str, Any]]], as_of: dt.date) -> dict[str, LatestFact]:
    """The latest visible record of each feed of one household; a feed without one is absent.

    `rows` are stored rows with dates as day numbers, as `RowEngine` reads them.
    """
    today = to_day(as_of)
    facts = {}
    for feed in CONTRACTS:
        seen = [
            _latest_day(row, today)
            for row in rows.get(feed, ())
            if row["occurred_on"] <= today and row["known_on"] <= today
        ]
        if seen:
            occurred, known = max(seen)
            facts[feed] = LatestFact(feed, len(seen), from_day(occurred), from_day(known))
    return facts


def _latest_day(row: Mapping[str, Any], today: int) -> tuple[int, int]:
    """The day of the record that counts, and when it was known: the end of a spell where that is visible."""
    ended, told = row.get("ended_on"), row.get("ended_known_on")
    if ended is not None and told is not None and ended <= today and told <= today:
        return ended, told
    return row["occurred_on"], row["known_on"]


def latest_facts_table(signals: Signals, as_of: dt.date) -> pd.DataFrame:
    """The same for every household: columns household_id, feed, records, occurred_on, known_on."""
    parts = []
    with duckdb.connect() as connection:
        for feed, table in signals.tables.items():
            connection.register(feed, table)
            # The latest occurrence, and among its records the latest arrival: as `latest_facts` has it.
            day, known = "occurred_on", "known_on"
            if CONTRACTS[feed].kind == "spell":
                is_over = "ended_on <= $as_of AND ended_known_on <= $as_of"
                day = f"CASE WHEN {is_over} THEN ended_on ELSE occurred_on END"
                known = f"CASE WHEN {is_over} THEN ended_known_on ELSE known_on END"
            part: pd.DataFrame = connection.sql(
                f"SELECT household_id, '{feed}' AS feed, COUNT(*) AS records, "
                f"MAX({day}) AS occurred_on, ARG_MAX({known}, ({day}, {known})) AS known_on "
                f"FROM {feed} WHERE occurred_on <= $as_of AND known_on <= $as_of GROUP BY household_id",
                params={"as_of": as_of},
            ).df()
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
