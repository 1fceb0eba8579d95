"""Refused rows: which row of which feed, in which field, by which rule, and the way out. Never a value."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.signals.defects import RowDefect
from features.signals.intake import Intake
from serving.access.area import OUTSIDE_AREA, WAY_OUT, WAY_OUT_ZH
from serving.bulk.folders import write_safely

NOT_REGISTERED = "not_registered"
_DEFECTS = {
    NOT_REGISTERED: RowDefect(
        NOT_REGISTERED,
        "household_id",
        "the household register has no row of this household that was in force and known on as_of_date: add "
        "it, or leave the household's rows out",
        "评估日期当天有效且已知的农户登记中没有该户：请补登记，或不要报送该户的记录",
    ),
    OUTSIDE_AREA: RowDefect(OUTSIDE_AREA, "household_id", WAY_OUT, WAY_OUT_ZH),
}

_WORDS = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([
    ("feed", _WORDS), ("row", pa.int64()), ("field", _WORDS), ("code", _WORDS), ("way_out", _WORDS),
    ("way_out_zh", _WORDS),
])  # fmt: skip
"""`row` is the row's number in its table, from 0; lines without a cell do not count. The words are few and
the rows of a file at fault many: each text is kept once."""
_WORDED = SCHEMA.remove(SCHEMA.get_field_index("row"))
_GROUP = 5_000


def refused_rows(
    intakes: Mapping[str, Intake], registered: Collection[str], outside: Collection[str] = ()
) -> pa.Table:
    """Every error of every row that is not scored, feed by feed in the order of the rows.

    Rows of households that are not `registered` are refused, and those `outside` the sender's area for that.
    """
    keys = pa.array(sorted(registered), pa.string())
    told: dict[tuple[str, RowDefect], int] = {}
    rows, what = array("q"), array("i")

    def tell(feed: str, row: int, defect: RowDefect) -> None:
        rows.append(row)
        what.append(told.setdefault((feed, defect), len(told)))

    for feed, taken in intakes.items():
        for one in taken.quarantined:
            for defect in one.defects:
                tell(feed, one.row, defect)
        is_known = pc.is_in(taken.accepted["household_id"], value_set=keys).to_numpy()
        unknown = np.asarray(taken.accepted_rows)[~is_known].tolist()
        keys_there = taken.accepted["household_id"].filter(pa.array(~is_known)).to_pylist()
        for row, key in zip(unknown, keys_there, strict=True):
            tell(feed, row, _DEFECTS[OUTSIDE_AREA if key in outside else NOT_REGISTERED])
    words = [{"feed": feed, **asdict(defect)} for feed, defect in told]
    place = {feed: number for number, feed in enumerate(intakes)}
    feeds = np.asarray([place[feed] for feed, _ in told], int)
    numbers, places = np.asarray(rows), np.asarray(what)
    order = np.lexsort((numbers, feeds[places]))
    errors = pa.Table.from_pylist(words, _WORDED).take(pa.array(places[order]))
    return errors.add_column(1, SCHEMA.field("row"), pa.array(numbers[order]))


def count_rows(intakes: Mapping[str, Intake], refused: pa.Table) -> dict[str, dict[str, int]]:
    """Feed → how many rows came, were accepted, refused and flagged; the first is the sum of the next two."""
    pairs = refused.select(["feed", "row"]).group_by(["feed", "row"]).aggregate([])
    counts = {one["values"].as_py(): one["counts"].as_py() for one in pc.value_counts(pairs["feed"])}
    return {
        feed: {
            "rows_in": taken.rows_in,
            "rows_accepted": taken.rows_in - counts.get(feed, 0),
            "rows_refused": counts.get(feed, 0),
            "rows_flagged": taken.flagged_rows,
        }
        for feed, taken in intakes.items()
    }


def save_refused(refused: pa.Table, path: Path) -> None:
    """Keep the table for `read_refused`."""
    write_safely(path, lambda beside: pq.write_table(refused, beside, row_group_size=_GROUP))


def read_refused(path: Path, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many errors there are, and some of them; reads no more of the file than these lie in."""
    if not path.is_file():
        return 0, []
    with pq.ParquetFile(path) as table:
        total = table.metadata.num_rows
        groups = [
            number
            for number in range(table.metadata.num_row_groups)
            if offset < (number + 1) * _GROUP and number * _GROUP < offset + limit
        ]
        if not groups:
            return total, []
        found = table.read_row_groups(groups).slice(offset - groups[0] * _GROUP, limit)
    return total, found.to_pylist()
