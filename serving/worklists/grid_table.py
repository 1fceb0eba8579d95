"""A county's table of grids (网格): which grid of its village each household lies in.

Columns: household_id, village_code, grid. An empty grid takes the household out of the one it was in; whoever
is not in the table stays where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from features.signals.pseudonyms import is_somebodys_number
from serving.access import Caller
from serving.files import Limits
from serving.files.rows import AT_ONCE, RowError, TableError, ValueRefused, read_key, read_village, rows_of
from serving.files.unpacking import unpack_unnamed
from serving.storage.grids import GridStore, Place

COLUMNS = ("household_id", "village_code", "grid")
LONGEST = 20
"""Characters of a grid's name, which is its code in addresses and counts."""
_REFUSALS = {
    "malformed": (
        "give the grid's number or name as text of at most 20 printable characters",
        "应为不超过 20 字的网格编号或名称（文本）",
    ),
    "is_a_number_of_somebody": (
        "give the grid's own number: this one is an ID number or a phone's",
        "请填写网格编号，不能填写身份证号或手机号",
    ),
    "missing": (
        "the line ends before the grid: one that is empty has its comma as well",
        "该行没有网格一栏，留空时也要保留逗号",
    ),
    "repeated": ("name each household once: it stands in two grids", "同一农户只能在一个网格"),
}


@dataclass
class Imported:
    """What became of a table."""

    rows_in: int = 0
    rows_accepted: int = 0
    households_changed: int = 0
    errors: list[RowError] = field(default_factory=list)

    def as_json(self) -> dict[str, int]:
        """The counts."""
        return {
            "rows_in": self.rows_in, "rows_accepted": self.rows_accepted,
            "rows_refused": len(self.errors), "households_changed": self.households_changed,
        }  # fmt: skip


def import_grids(store: GridStore, caller: Caller, source: Path, limits: Limits | None = None) -> Imported:
    """Take in the rows of a CSV, XLSX or Parquet file; the sound ones are kept whatever the others are.

    Raises `FileRefused` and `TableError` for a file that is no such table.
    """
    made, known = Imported(), dict[Place, str]()
    kind, content = unpack_unnamed(source, limits or Limits())
    with content:
        rows = rows_of(kind, content, _check_columns)
        while part := list(islice(rows, AT_ONCE)):
            sound: dict[Place, str] = {}
            for cells in part:
                try:
                    place, grid = _read(made.rows_in, cells, caller, known)
                except _Refused as refused:
                    made.errors.append(refused.error)
                else:
                    sound[place] = known[place] = grid
                    made.rows_accepted += 1
                made.rows_in += 1
            made.households_changed += store.put(caller, sound) if sound else 0
    return made


class _Refused(Exception):
    def __init__(self, error: RowError) -> None:
        super().__init__(error.code)
        self.error = error


def _read(number: int, cells: dict[str, Any], caller: Caller, known: dict[Place, str]) -> tuple[Place, str]:
    name = "household_id"
    try:
        household = read_key(cells.get(name))
        name = "village_code"
        village = read_village(cells.get(name), caller)
        name = "grid"
        if name not in cells:
            raise _refused("missing")
        grid = _read_grid(cells.get(name))
        if known.get((household, village), grid) != grid:
            raise _refused("repeated")
    except ValueRefused as refused:
        raise _Refused(RowError.of(number, name, refused)) from None
    return (household, village), grid


def _read_grid(given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        raise _refused("malformed")
    grid = given.strip()
    if not (len(grid) <= LONGEST and grid.isprintable()):
        raise _refused("malformed")
    if is_somebodys_number(grid):
        raise _refused("is_a_number_of_somebody")
    return grid


def _refused(code: str) -> ValueRefused:
    return ValueRefused(code, *_REFUSALS[code])


def _check_columns(names: Sequence[str]) -> None:
    """The names of others may be anything, and are not repeated."""
    if sorted(names) != sorted(COLUMNS):
        raise TableError(f"the table's columns must be {', '.join(COLUMNS)}, each once")
