"""Refused rows: which row of which feed, in which field, by which rule, and the way out. Never a value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.signals.defects import RowDefect
from features.signals.intake import Intake
from features.signals.refusals import Quarantined
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
_AT_ONCE = 5_000
"""Rows whose errors are in memory at a time, and lie together in the file."""


def not_scored(taken: Intake, registered: pa.Array, outside: pa.Array) -> Quarantined:
    """The rows of a feed that are not scored: those that intake refused, and the others of nobody's.

    Rows of households that are not `registered` are refused, and those `outside` the sender's area for that.
    """
    keys, numbers, refused = taken.accepted["household_id"], taken.accepted_rows, taken.quarantined
    is_outside = pc.is_in(keys, value_set=outside).to_numpy()
    is_unknown = ~pc.is_in(keys, value_set=registered).to_numpy() & ~is_outside
    unknown, elsewhere = numbers[is_unknown], numbers[is_outside]
    kinds = len(refused.kinds)
    rows = np.concatenate([refused.numbers, unknown, elsewhere])
    which = np.concatenate([
        refused.which, np.full(len(unknown), kinds), np.full(len(elsewhere), kinds + 1)
    ])  # fmt: skip
    order = np.argsort(rows)
    wrong = ((_DEFECTS[NOT_REGISTERED],), (_DEFECTS[OUTSIDE_AREA],))
    return Quarantined(rows[order], which[order], (*refused.kinds, *wrong))


def save_refused(
    path: Path, intakes: Mapping[str, Intake], registered: Collection[str], outside: Collection[str] = ()
) -> tuple[dict[str, dict[str, int]], int]:
    """Keep every error of every row that is not scored for `read_refused`, by feeds and rows.

    Returns how many rows of each feed came, were accepted, refused and flagged, of which the first is the sum
    of the next two; and how many errors there are.
    """
    inside, beyond = (pa.array(sorted(keys), pa.string()) for keys in (registered, outside))
    counts: dict[str, dict[str, int]] = {}
    errors = 0

    def write(beside: Path) -> None:
        nonlocal errors
        with pq.ParquetWriter(beside, SCHEMA, write_statistics=False) as out:
            for feed, taken in intakes.items():
                refused = not_scored(taken, inside, beyond)
                counts[feed] = {
                    "rows_in": taken.rows_in,
                    "rows_accepted": taken.rows_in - len(refused),
                    "rows_refused": len(refused),
                    "rows_flagged": taken.flagged_rows,
                }
                for part in _errors(feed, refused):
                    errors += len(part)
                    out.write_table(part)

    write_safely(path, write)
    return counts, errors


def _errors(feed: str, refused: Quarantined) -> Iterator[pa.Table]:
    """The errors of the rows, in parts."""
    places: dict[RowDefect, int] = {}
    kinds = [[places.setdefault(one, len(places)) for one in kind] for kind in refused.kinds]
    words = pa.Table.from_pylist([{"feed": feed, **asdict(one)} for one in places], _WORDED)
    for first in range(0, len(refused), _AT_ONCE):
        numbers = refused.numbers[first : first + _AT_ONCE].tolist()
        found = [kinds[which] for which in refused.which[first : first + _AT_ONCE].tolist()]
        rows = [number for number, errors in zip(numbers, found, strict=True) for _ in errors]
        part = words.take(pa.array([one for errors in found for one in errors], pa.int32()))
        yield part.add_column(1, SCHEMA.field("row"), pa.array(rows, pa.int64()))


def read_refused(path: Path, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many errors there are, and some of them; reads no more of the file than these lie in."""
    if not path.is_file():
        return 0, []
    with pq.ParquetFile(path) as table:
        told = table.metadata
        sizes = [told.row_group(number).num_rows for number in range(told.num_row_groups)]
        starts = [0, *accumulate(sizes)]
        groups = [
            number
            for number, (first, end) in enumerate(pairwise(starts))
            if offset < end and first < offset + limit
        ]
        if not groups:
            return told.num_rows, []
        found = table.read_row_groups(groups).slice(offset - starts[groups[0]], limit)
    return told.num_rows, found.to_pylist()
