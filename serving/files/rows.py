"""Rows of a plain table about households: read one after the other, each taken or refused on its own.

Why a row was refused is told by its number and the rule, never by a value.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from features.errors import ContractError
from features.regions import check_area_code
from features.signals import CONTRACTS
from features.signals.defects import Defect
from serving.access.area import OUTSIDE_AREA, WAY_OUT, WAY_OUT_ZH
from serving.access.caller import Caller
from serving.errors import ServingError
from serving.files.kinds import FileKind
from serving.files.refused import FileRefused

AT_ONCE = 500
"""Rows of one transaction."""
_KEY = CONTRACTS["household"].field("household_id")
_VILLAGE_LENGTH = 12


class TableError(ServingError):
    """A table whose columns or lines are not those that it must have."""


class ValueRefused(Exception):
    """A value that is none of its kind: a stable code and the way out, never the value."""

    def __init__(self, code: str, way_out: str, way_out_zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.way_out = way_out
        self.way_out_zh = way_out_zh


@dataclass(frozen=True)
class RowError:
    """Why a row was refused. Rows count from 0, the line of names not counted."""

    row: int
    field: str
    code: str
    way_out: str
    way_out_zh: str

    @classmethod
    def of(cls, row: int, field: str, refused: ValueRefused) -> RowError:
        """A refused value as found in a row."""
        return cls(row, field, refused.code, refused.way_out, refused.way_out_zh)

    def as_json(self) -> dict[str, Any]:
        """The error as plain JSON."""
        return asdict(self)


def read_key(given: Any) -> str:
    """The key of a household or person; raises `ValueRefused`, as for a number that is somebody's own."""
    try:
        return str(_KEY.parse(given))
    except Defect as defect:
        raise ValueRefused(defect.code, defect.way_out, defect.way_out_zh) from None


def read_village(given: Any, caller: Caller) -> str:
    """The code of a village of the caller's area; raises `ValueRefused`."""
    try:
        code = check_area_code(given)
    except ContractError:
        code = ""
    if len(code) != _VILLAGE_LENGTH:
        raise ValueRefused(
            "malformed", "give the village's code of 12 characters, as text", "应为 12 位村级区划代码（文本）"
        )
    if not caller.scope.contains(code):
        raise ValueRefused(OUTSIDE_AREA, WAY_OUT, WAY_OUT_ZH)
    return code


def rows_of(
    kind: FileKind, content: IO[bytes], check: Callable[[Sequence[str]], None]
) -> Iterator[dict[str, Any]]:
    """The rows of an unpacked table as names and cells, once `check` has taken its columns.

    Raises `TableError` for a line with more cells than columns, `FileRefused` for one that is no line.
    """
    if kind is FileKind.PARQUET:
        import pyarrow.parquet as pq

        with pq.ParquetFile(content) as parquet:
            check(parquet.schema_arrow.names)
            for batch in parquet.iter_batches(AT_ONCE):
                yield from batch.to_pylist()
        return
    with io.TextIOWrapper(content, "utf-8", newline="") as lines:
        try:
            if kind is FileKind.XLSX:
                names = [str(one) for one in json.loads(next(lines))]
                # A sheet ends a line with its last cell that is filled in, a plain text where it broke off.
                rows = (json.loads(one) for one in lines)
                cells = ([*one, *[None] * (len(names) - len(one))] for one in rows if one)
            else:
                reader = csv.reader(lines)
                names = next(reader, [])
                cells = (one for one in reader)
            check(names)
            for row in cells:
                if len(row) > len(names):
                    raise TableError(
                        "a line of the table has more cells than columns: look for a comma in a cell"
                    )
                if row:
                    yield dict(zip(names, row, strict=False))
        except csv.Error:
            raise FileRefused("file_damaged") from None
