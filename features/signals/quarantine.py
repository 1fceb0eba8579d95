"""The quarantine: the refused rows of one feed as a file that can be mended and read again.

Beside its number and what is wrong with it, a row has its cells as they came, byte-equal, under the names of
the delivery; a ragged line has its whole text instead. A cell in quotes is a text, an empty one too; nothing
between two commas is no value. The file holds what the department sent, ID numbers included: it is as
sensitive as the signals, and more.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from features.errors import ContractError
from features.signals.contract import Contract
from features.signals.defects import RowDefect, defect_kinds
from features.signals.intake import Intake

ROW, DEFECTS, WAY_OUT_ZH, WAY_OUT_EN, WHOLE_LINE, STATE = COLUMNS = (
    "row_number",
    "defects",
    "way_out_zh",
    "way_out_en",
    "whole_line",
    "state",
)
"""The columns before the delivered ones. `state` tells whether a row was touched since it was written."""

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class KeptRow:
    """A row of the quarantine: its number in the delivery (from 0), its cells or its whole line, and why."""

    number: int
    cells: Cells
    line: str | None
    defects: str
    way_out_zh: str
    way_out_en: str
    is_mended: bool = False
    """Whether somebody changed it since it was written; only then is it worth another check."""

    @classmethod
    def refused(cls, number: int, cells: Cells, line: str | None, defects: Iterable[RowDefect]) -> KeptRow:
        """A row as intake refused it."""
        found = list(defects)
        return cls(
            number,
            cells,
            line,
            "; ".join(f"{one.field}: {one.code}" for one in found),
            "；".join(f"{one.field}：{one.way_out_zh}" for one in found),
            "; ".join(f"{one.field}: {one.way_out}" for one in found),
        )

    def found(self, contract: Contract) -> tuple[RowDefect, ...]:
        """What is said to be wrong, as far as the contract and the catalogue know the words."""
        places = {"row", *(field.surface for field in (*contract.fields, *contract.checked))}
        pairs = [one.partition(": ") for one in self.defects.split("; ")]
        return tuple(
            RowDefect(code, field, self.way_out_en, self.way_out_zh)
            for field, _, code in pairs
            if field in places and code in defect_kinds()
        )

    @property
    def state(self) -> str:
        """A short hash over what came."""
        return hashlib.sha256(json.dumps([self.cells, self.line]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Quarantine:
    """The refused rows of one feed, in the order of the delivery; `names` are its columns."""

    names: tuple[str, ...]
    rows: tuple[KeptRow, ...] = ()

    @classmethod
    def of(cls, taken: Intake) -> Quarantine:
        """What a delivery leaves behind."""
        columns = [column.to_pylist() for column in taken.delivered.columns]
        rows = zip(*columns, strict=True) if columns else ()
        return cls(
            tuple(taken.delivered.column_names),
            tuple(
                KeptRow.refused(one.row, tuple(cells), taken.lines.get(one.row), one.defects)
                for one, cells in zip(taken.quarantined, rows, strict=True)
            ),
        )

    @classmethod
    def read(cls, contract: Contract, path: Path) -> Quarantine:
        """Read a file that was written here, mended or not; raises `ContractError` where it is another."""
        where = f"the quarantine {path.name}"
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                header = next(csv.reader(lines), [])
            table = pacsv.read_csv(
                path,
                parse_options=pacsv.ParseOptions(newlines_in_values=True),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string()),
                    strings_can_be_null=True,
                    null_values=[""],
                    quoted_strings_can_be_null=False,
                ),
            )
        except (pa.ArrowException, OSError, UnicodeError, csv.Error):
            raise ContractError(
                f"{where} cannot be read: keep it a CSV table with its header, encoded as UTF-8"
            ) from None
        surfaces = {field.surface for field in (*contract.fields, *contract.checked)}
        names = header[len(COLUMNS) :]
        if tuple(header[: len(COLUMNS)]) != COLUMNS or not surfaces >= set(names):
            raise ContractError(f"{where} has other columns than it was written with: leave them as they are")
        columns = [column.to_pylist() for column in table.columns]
        rows = []
        for number, defects, zh, en, line, state, *cells in zip(*columns, strict=True):
            if number is None or not (number.isascii() and number.isdigit()):
                raise ContractError(f"{where} has a row without its {ROW}: leave the column as it is")
            row = KeptRow(int(number), tuple(cells), line or None, defects or "", zh or "", en or "")
            rows.append(replace(row, is_mended=state != row.state))
        if len({row.number for row in rows}) < len(rows):
            raise ContractError(f"{where} has a {ROW} twice: one row of the delivery is one row here")
        return cls(tuple(names), tuple(rows))

    def to_csv(self) -> bytes:
        """The file, encoded as UTF-8 with a mark that spreadsheets know it by."""
        rows = [
            (str(one.number), one.defects, one.way_out_zh, one.way_out_en, one.line, one.state, *one.cells)
            for one in self.rows
        ]
        return csv_bytes((*COLUMNS, *self.names), rows)

    def to_table(self) -> pa.Table:
        """The delivered cells alone, all text; those of a ragged line are null."""
        return pa.table({
            name: pa.array([row.cells[at] for row in self.rows], pa.string())
            for at, name in enumerate(self.names)
        })


def csv_bytes(names: Iterable[str], rows: Iterable[Iterable[str | None]]) -> bytes:
    """A CSV table in which every text is quoted, and an absent one is not."""
    lines = [",".join(names)]
    lines += [
        ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    ]
    return b"\xef\xbb\xbf" + "".join(f"{line}\n" for line in lines).encode()
