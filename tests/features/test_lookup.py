"""Looking up a few stored households: everything that is stored of them, nobody else, inside an area."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from features.engines.lookup import find_households
from features.errors import ContractError
from features.signals.buckets import Buckets
from tests.features import oracle
from tests.features.worlds import AS_OF_DATES, REGION, make_world


@pytest.mark.parametrize("seed", range(3))
def test_a_lookup_finds_what_was_stored_of_whom_was_registered(seed: int, tmp_path: Path) -> None:
    as_of = AS_OF_DATES[seed]
    world = make_world(seed, as_of, households=9)
    world.signals().save(tmp_path, households_per_bucket=2)
    stored = Buckets.open(tmp_path)
    assert len(stored.buckets) > 1
    wanted = [*list(world.rows)[::2], "NOBODY"]
    found = find_households(stored, wanted, as_of)
    homes = {
        one: village
        for one in wanted
        if one in world.rows
        and (village := oracle.Household(world.rows[one], [], as_of, REGION).village) is not None
    }
    assert {one.household_id: one.village_code for one in found.values()} == homes
    for key, one in found.items():
        for feed, rows in world.of_household(key).items():
            assert sorted(map(repr, one.rows.get(feed, []))) == sorted(map(repr, rows)), feed
    for village in set(homes.values()):
        inside = find_households(stored, wanted, as_of, prefix=village, feeds=["member"])
        assert set(inside) == {key for key, home in homes.items() if home == village}
        assert all(set(one.rows) <= {"member"} for one in inside.values())
    assert find_households(stored, wanted, as_of, prefix="99") == {}
    assert find_households(stored, ["NOBODY"], as_of) == find_households(stored, [], as_of) == {}
    assert find_households(stored, wanted, dt.date(1990, 1, 1)) == {}


def test_a_harmed_file_is_told_without_what_is_in_it(tmp_path: Path) -> None:
    world = make_world(1, AS_OF_DATES[1])
    world.signals().save(tmp_path)
    stored = Buckets.open(tmp_path)
    for path in stored.paths("member"):
        path.write_bytes(b"nothing of Parquet")
    with pytest.raises(ContractError, match="harmed"):
        find_households(stored, list(world.rows), AS_OF_DATES[1])
