"""Stored signals: buckets of whole villages, replaced at once, with no row lost, doubled or moved."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, Signals
from features.errors import ContractError
from features.signals.buckets import Buckets, split_by_bucket
from tests.features.worlds import AS_OF_DATES, make_world

FOREIGN = "H-nobody"


def made_up(seed: int, households: int = 12) -> Signals:
    """A world with a household that no register knows."""
    signals = make_world(seed, AS_OF_DATES[seed % len(AS_OF_DATES)], households).signals()
    row = CONTRACTS["loan"].parse_row(CONTRACTS["loan"].generate(random.Random(seed)))
    assert isinstance(row, dict)
    foreign = pa.Table.from_pylist([row | {"household_id": FOREIGN}], schema=CONTRACTS["loan"].schema)
    return Signals(
        {**signals.tables, "loan": pa.concat_tables([signals.tables["loan"], foreign])}, signals.coverage
    )


def last_village(rows: list[dict[str, object]]) -> str:
    """The village a household was last registered in, of two at once the one whose code is smaller."""
    latest = max(str(row["occurred_on"]) for row in rows)
    return min(str(row["village_code"]) for row in rows if str(row["occurred_on"]) == latest)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 14), households=st.integers(0, 14))
def test_buckets_hold_every_row_once_and_villages_whole(seed: int, size: int, households: int) -> None:
    signals = made_up(seed, households)
    parts = list(split_by_bucket(signals.tables, size))
    homes: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in signals.tables["household"].to_pylist():
        homes[row["household_id"]].append(row)
    village_of = {household: last_village(rows) for household, rows in homes.items()}
    held: dict[str, set[int]] = defaultdict(set)
    for number, tables in enumerate(parts):
        assert set(tables) == set(CONTRACTS)
        for table in tables.values():
            for household in table["household_id"].to_pylist():
                held[household].add(number)
    assert all(len(numbers) == 1 for numbers in held.values())
    of_village: dict[str, set[int]] = defaultdict(set)
    for household, village in village_of.items():
        of_village[village] |= held[household]
    assert all(len(numbers) == 1 for numbers in of_village.values())
    assert held[FOREIGN] == {0}
    for feed, table in signals.tables.items():
        there = [row for part in parts for row in part[feed].to_pylist()]
        key = lambda row: json.dumps(row, default=str, sort_keys=True)  # noqa: E731
        assert sorted(there, key=key) == sorted(table.to_pylist(), key=key)
        for household in {row["household_id"] for row in there}:
            mine = [row for row in there if row["household_id"] == household]
            assert mine == [row for row in table.to_pylist() if row["household_id"] == household]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_stored_by_buckets_is_read_whole(tmp_path: Path, size: int) -> None:
    signals = made_up(3)
    signals.save(tmp_path, households_per_bucket=size)
    stored = Buckets.open(tmp_path)
    assert len(stored.buckets) == (1 if size == 100 else len(stored.buckets))
    assert sum(one.households for one in stored.buckets) == 12
    again = Signals.load(tmp_path)
    assert again.coverage.deliveries == signals.coverage.deliveries
    for feed, table in signals.tables.items():
        order = [("household_id", "ascending"), ("occurred_on", "ascending"), ("known_on", "ascending")]
        assert again.tables[feed].schema == table.schema
        assert sorted(map(str, again.tables[feed].sort_by(order).to_pylist())) == sorted(
            map(str, table.sort_by(order).to_pylist())
        )


def test_the_same_signals_are_stored_under_the_same_name(tmp_path: Path) -> None:
    made_up(1).save(tmp_path)
    first = Buckets.open(tmp_path).data
    made_up(1).save(tmp_path)
    assert Buckets.open(tmp_path).data == first
    made_up(2).save(tmp_path)
    assert Buckets.open(tmp_path).data != first
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([
        Buckets.open(tmp_path).data,
        "signals.json",
    ])


def test_a_harmed_data_folder_is_not_taken_for_the_same(tmp_path: Path) -> None:
    made_up(1).save(tmp_path)
    Buckets.open(tmp_path).paths("income")[0].write_bytes(b"harmed")
    made_up(1).save(tmp_path)
    assert len(Signals.load(tmp_path).tables["income"]) == len(made_up(1).tables["income"])


STRANGERS = {
    "data-raw/income.csv": b"household_id",
    "data-photos/a.jpg": b"x",
    "data-vectors/as_of_date=2026-03-31/0000.parquet": b"x",
    # The pattern of the name alone is not enough, nor the layout alone.
    "data-0123456789abcdef/a.jpg": b"x",
    "data-0123456789abcde0/income/0000.parquet/a": b"x",
    "data-0123456789abcdeg/income/0000.parquet": b"x",
    "data-0123456789abcdef-old/income/0000.parquet": b"x",
    "data-0123456789abcdee": b"x",
    ".data-mine.writing/a.jpg": b"x",
    "elsewhere/income/0000.parquet": b"x",
}


def test_a_save_takes_away_its_own_folders_and_no_others(tmp_path: Path) -> None:
    for name, content in STRANGERS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "data-0123456789abcdea").symlink_to(tmp_path / "elsewhere")
    made_up(1).save(tmp_path)
    old = Buckets.open(tmp_path).data
    shutil.copytree(tmp_path / old, tmp_path / "data-ffffffffffffffff-mended-mended")
    shutil.copytree(tmp_path / old, tmp_path / ".data-abcd_123.writing")
    made_up(2).save(tmp_path)
    for name, content in STRANGERS.items():
        assert (tmp_path / name).read_bytes() == content
    left = {one.name for one in tmp_path.iterdir()} - {name.partition("/")[0] for name in STRANGERS}
    assert left == {Buckets.open(tmp_path).data, "signals.json", "data-0123456789abcdea"}


class Failing:
    """A function of which the k-th call fails as on a full disk."""

    def __init__(self, real: Callable[..., object], fails_at: int) -> None:
        self.real, self.fails_at, self.calls = real, fails_at, 0

    def __get__(self, instance: object, _: type) -> Callable[..., object]:
        return partial(self, instance) if instance is not None else self

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        if self.calls == self.fails_at:
            raise OSError(28, "No space left on device")
        return self.real(*args, **kwargs)


@pytest.mark.parametrize(
    ("place", "name"), [(Path, "replace"), (Path, "rename"), (os, "fsync"), (pq, "write_table")]
)
def test_a_save_that_fails_anywhere_leaves_the_old_signals_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    """The k-th write, flush or rename fails, for every k, until one save gets through."""
    old, new = made_up(1, 4), made_up(2, 4)
    counts = {len(old.tables["income"]), len(new.tables["income"])}
    assert len(counts) == 2
    old.save(tmp_path / "old")
    for fails_at in range(1, 200):
        folder = tmp_path / str(fails_at)
        shutil.copytree(tmp_path / "old", folder)
        with monkeypatch.context() as patch:
            failing = Failing(getattr(place, name), fails_at)
            patch.setattr(place, name, failing)
            with suppress(OSError):
                new.save(folder)
        found = len(Signals.load(folder).tables["income"])
        assert found in counts
        if fails_at % 5 == 1:
            new.save(folder)
            assert len(Signals.load(folder).tables["income"]) == len(new.tables["income"])
            assert not list(folder.glob(".*"))
        if failing.calls < fails_at:
            assert found == len(new.tables["income"])
            assert fails_at > 1
            return
    raise AssertionError("no save ever got through")


@pytest.mark.parametrize(
    "said",
    [
        "", "[]", "{}", "null", "\x00", '{"layout": 1}', '{"layout": 1, "data": "x", "buckets": 3}',
        '{"layout": 1, "data": "data-0", "buckets": [{"name": "0000"}], "split_villages": []}',
        '{"layout": 99, "data": "data-0", "buckets": [], "split_villages": []}',
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "signals.json").write_text(said)
    with pytest.raises(ContractError, match="take the rows in anew"):
        Buckets.open(tmp_path)


def test_signals_of_other_columns_are_refused_in_words(tmp_path: Path) -> None:
    made_up(1).save(tmp_path)
    path = tmp_path / "signals.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "contracts": "0" * 16}))
    with pytest.raises(ContractError, match="another version: take the rows in anew"):
        Buckets.open(tmp_path)


def test_a_bucket_holds_at_least_one_household() -> None:
    with pytest.raises(ContractError, match="at least one"):
        list(split_by_bucket(made_up(1).tables, 0))
