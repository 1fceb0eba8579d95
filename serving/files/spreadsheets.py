"""XLSX, looked through before it is read: what a workbook may hide is refused, the cells keep their kinds.

A key that was saved as a number stays a number, so that intake can say that digits may be lost.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.files.archives import Budget, open_zip, read_members, stream_member
from serving.files.kinds import Limits
from serving.files.refused import FileRefused, damaged

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_MOST_PARTS = 500
_FORMULA = re.compile(rb"<(?:[A-Za-z0-9]+:)?f[\s>/]")
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_PLACE = re.compile(rb"""<(?:[A-Za-z0-9]+:)?c\s[^>]{0,200}?\br=["']\$?([A-Za-z]{1,7})\$?(\d{1,9})["']""")
_ROW = re.compile(rb"""<(?:[A-Za-z0-9]+:)?row\s[^>]{0,200}?\br=["'](\d{1,12})["']""")
_REST = 512
"""Bytes that are looked at again with the next part; no tag that is looked for is longer."""
_HIDING = (
    "externallinks/",
    "embeddings/",
    "activex/",
    "vbaproject",
    "xl/connections",
    "xl/querytables",
    "ddelink",
)


def unpack_xlsx(source: Path, target: Path, limits: Limits) -> None:
    """Write the one sheet as lines of JSON: the names of the columns, then a list of cells a row."""
    _look_through(source, limits)
    # Only now, and only here: this is the process with the limits.
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with CalamineWorkbook.from_path(str(source)) as book:
            sheets = [book.get_sheet_by_index(number) for number in range(len(book.sheets_metadata))]
            filled = [one for one in sheets if one.start is not None]
            if not filled:
                raise FileRefused("file_empty")
            if len(filled) > 1:
                raise FileRefused("sheets_several")
            (sheet,) = filled
            if sheet.height > limits.most_rows + 1:
                raise FileRefused("file_too_many_rows")
            if sheet.width > limits.most_columns:
                raise FileRefused("file_too_wide")
            _write(sheet, target, limits)
    except PasswordError:
        raise FileRefused("file_encrypted") from None
    except (CalamineError, OSError, ValueError) as error:
        raise damaged(error) from None


def read_cells(path: Path) -> Iterator[list[Any]]:
    """The columns' names and then each row's cells, as `unpack_xlsx` wrote them."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield [_cell(one) for one in json.loads(line)]


def _look_through(source: Path, limits: Limits) -> None:
    budget = Budget(limits.most_bytes)
    sheets = 0
    with open_zip(source) as archive:
        members = read_members(archive, _MOST_PARTS)
        names = [one.filename.lower().replace("\\", "/") for one in members]
        if any(sign in name for name in names for sign in _HIDING):
            raise FileRefused("sheet_links")
        if not any(name.endswith("workbook.xml") for name in names):
            raise FileRefused("file_kind_differs")
        for member, name in zip(members, names, strict=True):
            is_sheet = "worksheets/" in name and name.endswith(".xml")
            sheets += is_sheet
            for part in _overlapping(archive, member, budget):
                if _DOCTYPE.search(part):
                    raise FileRefused("file_damaged")
                if is_sheet:
                    _look_at_sheet(part, limits)
    if not sheets:
        raise FileRefused("file_kind_differs")


def _overlapping(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    rest = b""
    for part in stream_member(archive, member, budget):
        yield rest + part
        rest = (rest + part)[-_REST:]


def _look_at_sheet(part: bytes, limits: Limits) -> None:
    if _FORMULA.search(part):
        raise FileRefused("sheet_formulas")
    # The reader makes room for every cell between the first and the last, empty ones too.
    for place in _PLACE.finditer(part):
        if _column(place[1]) > limits.most_columns:
            raise FileRefused("file_too_wide")
        if int(place[2]) > limits.most_rows + 1:
            raise FileRefused("file_too_many_rows")
    for row in _ROW.finditer(part):
        if int(row[1]) > limits.most_rows + 1:
            raise FileRefused("file_too_many_rows")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _write(sheet: CalamineSheet, target: Path, limits: Limits) -> None:
    names = [str(one) for one in next(sheet.iter_rows())]
    # Columns without a name and without a cell are an accident of the sheet.
    filled = (place for row in sheet.iter_rows() for place, cell in enumerate(row, 1) if cell != "")
    width = max(filled, default=0)
    written = 0
    with target.open("w", encoding="utf-8") as out:
        for number, cells in enumerate(sheet.iter_rows()):
            row = _written(cells[:width], limits) if number else names[:width]
            # Rows without a cell are no rows, as in CSV.
            if number and all(cell is None for cell in row):
                continue
            line = json.dumps(row, ensure_ascii=False)
            written += len(line)
            if written > limits.most_bytes:
                raise FileRefused("file_too_large")
            out.write(line + "\n")


def _written(row: list[Any], limits: Limits) -> list[Any]:
    made: list[Any] = []
    for cell in row:
        if isinstance(cell, str):
            if len(cell) > limits.longest_cell:
                raise FileRefused("file_cell_too_long")
            made.append(cell or None)
        elif isinstance(cell, dt.datetime):
            made.append({"moment": cell.isoformat()})
        elif isinstance(cell, dt.date):
            made.append({"day": cell.isoformat()})
        elif isinstance(cell, dt.time | dt.timedelta):
            made.append(str(cell))
        else:
            made.append(cell)
    return made


def _cell(given: Any) -> Any:
    if isinstance(given, dict):
        if "day" in given:
            return dt.date.fromisoformat(given["day"])
        return dt.datetime.fromisoformat(given["moment"])
    return given
