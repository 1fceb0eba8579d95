"""Refused rows as a table, and what they cost while a job is judged."""

from __future__ import annotations

import csv
import datetime as dt
import gc
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.delivery import TakenIn, judge_delivery
from features.signals.intake import take_in
from features.signals.sources import Source
from serving.access.area import OUTSIDE_AREA
from serving.bulk.refused import NOT_REGISTERED, read_refused, save_refused
from serving.bulk.tables import table_in
from tests.serving.jobs.orders import AS_OF, as_csv, tables_of
from tests.serving.jobs.test_files import Watch

REGION = "CN-50"


def household(key: str, village: str = "500999100201") -> dict[str, str]:
    row = tables_of(1)["household"][0]
    return {**row, "household_id": key, "village_code": village}


def test_errors_of_many_rows_hold_each_text_once(tmp_path: Path) -> None:
    path = tmp_path / "errors.parquet"
    empty = dict.fromkeys(field.surface for field in CONTRACTS["household"].fields)
    rows = [{**empty, "household_id": f"J{number}", "village_code": "5"} for number in range(2_000)]
    counts, errors = save_refused(path, {"household": take_in("household", rows)}, [])
    assert counts == {
        "household": {"rows_in": 2_000, "rows_accepted": 0, "rows_refused": 2_000, "rows_flagged": 0}
    }
    found = pq.read_table(path)
    codes = set(zip(found["field"].to_pylist(), found["code"].to_pylist(), strict=True))
    assert ("village_code", "malformed") in codes
    assert errors == len(found) == 2_000 * len(codes)
    assert found["row"].to_pylist() == sorted(found["row"].to_pylist())
    assert found.nbytes < 50 * len(found)


def test_errors_stand_by_feeds_and_rows_and_are_read_in_any_part(tmp_path: Path) -> None:
    """Parts of five thousand rows with one error or two: the pages of a caller lie across them."""
    path = tmp_path / "errors.parquet"
    rows = []
    for number in range(12_345):
        one = household(f"J{number}")
        if number % 3 == 1:
            one["background"] = "?"
        if number % 6 == 1:
            one["village_code"] = "5"
        rows.append(one)
    members = [{**tables_of(1)["member"][0], "household_id": "J0"}]
    intakes = {"household": take_in("household", rows), "member": take_in("member", members)}
    wanted = [("household", 0, OUTSIDE_AREA)]
    for number in range(12_345):
        if number % 6 == 1:
            wanted.append(("household", number, "malformed"))
        if number % 3 == 1:
            wanted.append(("household", number, "unknown_category"))
        elif number % 3 == 2:
            wanted.append(("household", number, NOT_REGISTERED))
    wanted.append(("member", 0, OUTSIDE_AREA))
    registered = {f"J{number}" for number in range(3, 12_345, 3)}
    counts, errors = save_refused(path, intakes, registered, {"J0"})
    assert errors == len(wanted)
    for told in counts.values():
        assert told["rows_in"] == told["rows_accepted"] + told["rows_refused"]
    assert counts["household"]["rows_refused"] == len({row for feed, row, _ in wanted if feed != "member"})
    for offset, limit in ((0, 1_000), (4_990, 20), (len(wanted) - 3, 1_000), (len(wanted), 10), (0, 20_000)):
        total, items = read_refused(path, offset, limit)
        assert total == len(wanted)
        found = [(one["feed"], one["row"], one["code"]) for one in items]
        assert found == wanted[offset : offset + limit]


@pytest.mark.parametrize(
    "spoil", [lambda line: line.replace(b"2026-", b"2026/99/"), lambda line: line + b","]
)
def test_a_further_feed_at_fault_costs_next_to_nothing(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """What was sent of refused rows is held for one feed at a time, not for all there are."""
    rows = 20_000
    tables = tables_of(5)
    coverage = pd.DataFrame(tables.pop("coverage"))
    assert len(tables) > 2
    sources: dict[str, Source] = {}
    for feed in tables:
        head, *lines = as_csv(tables[feed]).splitlines()
        many = [spoil(line) for line in lines] * (rows // len(lines)) if feed != "household" else []
        sources[feed] = path = tmp_path / f"{feed}.csv"
        path.write_bytes(b"\n".join([head, *lines, *many, b""]))
    held: list[int] = []

    def note(feed: str, done: int, total: int) -> None:
        if feed in sources:
            gc.collect()
            held.append(pa.total_allocated_bytes())

    taken = judge_delivery(
        sources, coverage, region=REGION, on=AS_OF + dt.timedelta(days=1),
        progress=note, keeps_cells=False,
    )  # fmt: skip
    refused = {feed: len(one.quarantined) for feed, one in taken.intakes.items()}
    assert min(number for feed, number in refused.items() if feed != "household") > 0.9 * rows
    for before, after in pairwise(held):
        assert after - before < 100_000
    for one in taken.intakes.values():
        assert one.quarantined.numbers.nbytes + one.quarantined.which.nbytes == 5 * len(one.quarantined)
    with pytest.raises(ContractError, match="not kept"):
        taken.save(tmp_path / "out")


ROWS = 500_000
MOST_GROWTH = 140_000_000


@pytest.mark.parametrize(
    ("ending", "spoil"),
    [
        pytest.param("csv", lambda line, number: line, id="csv, repeated"),
        pytest.param("csv", lambda line, number: line + b",", id="csv, commas"),
        pytest.param("csv", lambda line, number: b"%070d%s," % (number, line), id="csv, long keys"),
        pytest.param("parquet", lambda line, number: line, id="parquet, repeated"),
        pytest.param("cells", lambda line, number: line, id="cells, repeated"),
    ],
)
def test_a_large_feed_at_fault_is_never_in_memory_whole(
    tmp_path: Path, ending: str, spoil: Callable[[bytes, int], bytes]
) -> None:
    tables = tables_of(5)
    coverage = pd.DataFrame(tables.pop("coverage"))
    sources: dict[str, Source] = {}
    for feed in tables:
        head, *lines = as_csv(tables[feed]).splitlines()
        path = tmp_path / f"{feed}.csv"
        if feed == "illness":
            lines += [spoil(lines[number % len(lines)], number) for number in range(ROWS)]
        path.write_bytes(b"\n".join([head, *lines, b""]))
        sources[feed] = table_in(_as(ending, path) if feed == "illness" else path)

    def judge(given: dict[str, Source]) -> TakenIn:
        taken = judge_delivery(
            given, coverage, region=REGION, on=AS_OF + dt.timedelta(days=1), keeps_cells=False
        )
        save_refused(tmp_path / "errors.parquet", taken.intakes, [])
        return taken

    # What is loaded once counts for no feed.
    judge({feed: source for feed, source in sources.items() if feed != "illness"})
    with Watch() as watch:
        taken = judge(sources)
    assert len(taken.intakes["illness"].quarantined) == ROWS
    assert watch.growth < MOST_GROWTH


def _as(ending: str, path: Path) -> Path:
    """The table of a CSV file as the unpacked one of another kind."""
    made = path.with_suffix(f".{ending}")
    if ending == "parquet":
        pq.write_table(pa.Table.from_pandas(pd.read_csv(path, dtype=str)), made)
    if ending == "cells":
        with path.open() as lines, made.open("w") as out:
            out.writelines(json.dumps(cells) + "\n" for cells in csv.reader(lines))
    return made
