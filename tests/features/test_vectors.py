"""The shape of vectors, the latest facts behind them, and the command line."""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, build_vectors, take_in
from features.dates import from_day, month_ends, months_before, to_day
from features.facts import latest_facts, latest_facts_table
from tests.features import oracle
from tests.features.worlds import AS_OF_DATES, make_world

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))


@given(DAYS, st.integers(0, 240))
def test_calendar(day: dt.date, months: int) -> None:
    assert from_day(to_day(day)) == day
    assert months_before(day, months) == oracle.months_back(day, months)


def test_month_ends() -> None:
    ends = [str(one) for one in month_ends(dt.date(2024, 3, 31), 3)]
    assert ends == ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert [str(one) for one in month_ends(dt.date(2025, 2, 10), 2, step=3)] == ["2024-11-30", "2025-02-28"]


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_order_of_rows_households_and_threads_changes_nothing(seed: int) -> None:
    as_of = AS_OF_DATES[seed % len(AS_OF_DATES)]
    world = make_world(seed, as_of)
    signals = world.signals()
    shuffled = random.Random(seed)
    tables = {}
    for feed, table in signals.tables.items():
        order = list(range(len(table)))
        shuffled.shuffle(order)
        tables[feed] = table.take(order) if order else table
    other = type(signals)(tables, signals.coverage)
    pd.testing.assert_frame_equal(
        build_vectors(signals, [as_of], threads=1), build_vectors(other, [as_of], threads=2), check_exact=True
    )


def test_vectors_are_sorted_by_date_then_household() -> None:
    signals = make_world(4, AS_OF_DATES[0]).signals()
    later, earlier = dt.date(2025, 3, 31), dt.date(2024, 2, 29)
    done: list[tuple[int, int]] = []
    frame = build_vectors(signals, [later, earlier], progress=lambda *numbers: done.append(numbers))
    keys = [(date, household) for household, date in frame.index]
    assert keys == sorted(keys)
    assert {date.date() for date, _ in keys} == {earlier, later}
    assert done == [(1, 2), (2, 2)]
    assert (frame.dtypes == "float64").all()


def test_no_date_and_no_household_give_the_same_columns() -> None:
    signals = make_world(4, AS_OF_DATES[0]).signals()
    empty = build_vectors(signals, [])
    nobody = build_vectors(signals, [dt.date(2020, 1, 31)], features=list(FEATURES.values())[:3])
    for frame, names in ((empty, list(FEATURES)), (nobody, list(FEATURES)[:3])):
        assert list(frame.columns) == names
        assert (frame.dtypes == "float64").all()
        assert frame.index.names == ["household_id", "as_of_date"]


@given(st.integers(0, 10**6), st.sampled_from(AS_OF_DATES))
@settings(max_examples=25)
def test_latest_facts(seed: int, as_of: dt.date) -> None:
    world = make_world(seed, as_of, households=3)
    table = latest_facts_table(world.signals(), as_of)
    assert list(table.columns) == ["household_id", "feed", "records", "occurred_on", "known_on"]
    in_table = {(row[0], row[1]): tuple(row[2:]) for row in table.itertuples(index=False)}
    expected = 0
    for household_id, feeds in world.rows.items():
        facts = latest_facts(world.of_household(household_id), as_of)
        for feed, rows in feeds.items():
            # What lasts counts by its end, once somebody could know of it.
            seen = sorted(
                (row["ended_on"], row["ended_known_on"])
                if row.get("ended_on") and row["ended_on"] <= as_of and row["ended_known_on"] <= as_of
                else (row["occurred_on"], row["known_on"])
                for row in rows
                if row["occurred_on"] <= as_of and row["known_on"] <= as_of
            )
            assert (feed in facts) == bool(seen)
            if not seen:
                continue
            expected += 1
            fact = facts[feed]
            assert (fact.records, fact.occurred_on, fact.known_on) == (len(seen), *seen[-1])
            assert in_table[household_id, feed] == (len(seen), *(pd.Timestamp(one) for one in seen[-1]))
    assert len(table) == expected


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "features", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_line_takes_in_a_folder_and_refuses_an_empty_one(tmp_path: Path) -> None:
    rng = random.Random(1)
    rows = pd.DataFrame([CONTRACTS["household"].generate(rng) for _ in range(3)])
    rows.to_parquet(tmp_path / "household.parquet")
    (tmp_path / "coverage.csv").write_text("feed,area_code,complete_from,complete_until,known_on\n")
    options = ("intake", "--raw", str(tmp_path), "--out", str(tmp_path / "out"), "--on", "2025-07-01")
    said = command(*options, "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["household"] == {
        "rows_in": 3,
        "accepted": 3,
        "quarantined": 0,
        "flagged": 0,
        "defects": {},
        "flags": {},
    }
    assert len(take_in("household", tmp_path / "household.parquet").accepted) == 3
    (tmp_path / "household.parquet").unlink()
    refused = command(*options, "--replace")
    assert refused.returncode == 2
    assert "lacks household" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("illness_self_paid_yuan_12m", 0, "12 months"),
        ("horoscope", 2, ""),
        ("all", 0, "composition_members_count"),
    ],
)
def test_the_command_line_explains_features(name: str, code: int, says: str) -> None:
    said = command("explain", name)
    assert said.returncode == code
    assert says in said.stdout
