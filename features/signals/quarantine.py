"""The quarantine: the refused rows of one feed as a file that can be mended and read again.

Beside its number and what is wrong with it, a row has its cells as they came, byte-equal, under the names of
the delivery; a ragged line has its whole text instead. A cell in quotes is a text, an empty one too; nothing
between two commas is no value. The file holds what the department sent, ID numbers included: it is as
sensitive as the signals, and more.

Beside ``<feed>.csv``, which people work in, lies ``<feed>.json``, which nobody touches: the delivery, the
columns in their order and the rows that wait. By it a column or a row that got lost or came in is noticed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from features.errors import ContractError
from features.signals.contract import Contract
from features.signals.defects import WHOLE_ROW, RowDefect, defect_kinds
from features.signals.intake import Intake

ROW, DEFECTS, WAY_OUT_ZH, WAY_OUT_EN, WHOLE_LINE, STATE = COLUMNS = (
    "row_number",
    "defects",
    "way_out_zh",
    "way_out_en",
    "whole_line",
    "state",
)
"""The columns before the delivered ones. `state` tells of which delivery a row is, and whether somebody
touched it since it was written."""

_STATE = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})")
_LONGEST_NUMBER = 18
_FEW = 5
_LARGEST_BLOCK = 2**31 - 1

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
    written_as: str | None = None
    """The state that it was written with, where somebody changed it since."""

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
        places = {WHOLE_ROW, *(field.surface for field in (*contract.fields, *contract.checked))}
        pairs = [one.partition(": ") for one in self.defects.split("; ")]
        return tuple(
            RowDefect(code, field, self.way_out_en, self.way_out_zh)
            for field, _, code in pairs
            if field in places and code in defect_kinds()
        )

    @property
    def is_mended(self) -> bool:
        """Whether somebody changed it since it was written; only then is it worth another check."""
        return self.written_as is not None

    @property
    def written(self) -> str:
        """The state that it was written with."""
        return self.written_as or self.state

    @cached_property
    def state(self) -> str:
        """A short hash over the cells or the line. A spreadsheet makes no text of an empty one: no edit."""
        return _hash([one or "" for one in self.cells], self.line)


@dataclass(frozen=True)
class Quarantine:
    """The refused rows of one feed, in the order of the delivery; `names` are its columns.

    `delivery` is a short hash over all that was refused of it when it came. `taken` are the numbers of the
    rows that waited and were taken in since.
    """

    names: tuple[str, ...]
    rows: tuple[KeptRow, ...]
    delivery: str
    taken: tuple[int, ...] = ()

    @classmethod
    def of(cls, taken: Intake) -> Quarantine:
        """What a delivery leaves behind; raises `ContractError` where its cells were let go of."""
        if len(taken.delivered) != len(taken.quarantined):
            raise ContractError(f"{taken.contract.name}: the cells of its refused rows were not kept")
        names = tuple(taken.delivered.column_names)
        columns = [column.to_pylist() for column in taken.delivered.columns]
        cells = zip(*columns, strict=True) if columns else ()
        rows = tuple(
            KeptRow.refused(one.row, tuple(row), taken.lines.get(one.row), one.defects)
            for one, row in zip(taken.quarantined, cells, strict=True)
        )
        delivery = _hash(taken.contract.name, names, [(row.number, row.state) for row in rows])
        return cls(names, rows, delivery)

    @classmethod
    def open(cls, contract: Contract, folder: Path) -> Quarantine | None:
        """What waits of a feed in its own folder, mended or not; `None` where nothing does.

        Raises `ContractError` where a file is gone, or where a column, a row or a state is another than was
        written: what got lost there would be lost silently.
        """
        path, listing = folder / f"{contract.name}.csv", folder / f"{contract.name}.json"
        where = f"the quarantine {path.name}"
        if not path.is_file() and not listing.is_file():
            return None
        if not path.is_file():
            raise ContractError(f"{where} is gone and rows of it wait: put it back, or deliver the feed anew")
        try:
            said = json.loads(listing.read_bytes())
            names, delivery = tuple(said["columns"]), str(said["delivery"])
            states = {int(number): state for number, state in said["rows"].items()}
            taken = tuple(map(int, said["taken"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ContractError(
                f"{where} lacks its {listing.name} as it was written: put it back, or deliver the feed anew"
            ) from None
        book = cls.read(contract, path)
        if book.names != names:
            raise ContractError(
                f"{where} has other columns than it was written with: "
                f"it has {', '.join((*COLUMNS, *names))}, in this order"
            )
        numbers = {row.number for row in book.rows}
        if lost := states.keys() - numbers:
            raise ContractError(
                f"{where} lacks {len(lost)} of the rows that wait ({ROW} {_some(lost)}): put them back, "
                "or deliver the feed anew"
            )
        if new := numbers - states.keys():
            raise ContractError(
                f"{where} has {len(new)} rows that do not wait ({ROW} {_some(new)}): take them out; "
                "other rows come with a delivery"
            )
        if book.delivery != delivery or any(row.written != states[row.number] for row in book.rows):
            raise ContractError(
                f"{where} has other states than it was written with: leave the column as it is"
            )
        return replace(book, taken=taken)

    @classmethod
    def read(cls, contract: Contract, path: Path) -> Quarantine:
        """Read a file that was written here, mended or not; raises `ContractError` where it is another."""
        where = f"the quarantine {path.name}"
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                header = next(csv.reader(lines), [])
            table = pacsv.read_csv(
                path,
                # A row must fit into one block, and a department's cell may be of any length.
                read_options=pacsv.ReadOptions(
                    block_size=min(path.stat().st_size + (1 << 20), _LARGEST_BLOCK)
                ),
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
        is_known = surfaces >= set(names) and len(set(names)) == len(names)
        if tuple(header[: len(COLUMNS)]) != COLUMNS or not is_known:
            raise ContractError(f"{where} has other columns than it was written with: leave them as they are")
        columns = [column.to_pylist() for column in table.columns]
        rows, deliveries = [], set()
        for number, defects, zh, en, line, state, *cells in zip(*columns, strict=True):
            if not _is_number(number):
                raise ContractError(f"{where} has a row without its {ROW}: leave the column as it is")
            parts = _STATE.fullmatch(state or "")
            if parts is None:
                raise ContractError(f"{where} has a row without its {STATE}: leave the column as it is")
            row = KeptRow(int(number), tuple(cells), line or None, defects or "", zh or "", en or "")
            deliveries.add(parts[1])
            rows.append(row if parts[2] == row.state else replace(row, written_as=parts[2]))
        if len({row.number for row in rows}) < len(rows):
            raise ContractError(f"{where} has a {ROW} twice: one row of the delivery is one row here")
        if len(deliveries) > 1:
            raise ContractError(f"{where} has rows of several deliveries: keep them in files of their own")
        return cls(tuple(names), tuple(rows), next(iter(deliveries), ""))

    def to_files(self, feed: str) -> dict[str, bytes]:
        """The two files of a feed, by their names."""
        return {f"{feed}.csv": self.to_csv(), f"{feed}.json": self._listing()}

    def to_csv(self) -> bytes:
        """The file, encoded as UTF-8 with a mark that spreadsheets know it by."""
        rows = [
            (
                str(one.number), one.defects, one.way_out_zh, one.way_out_en, one.line,
                f"{self.delivery}-{one.written}", *one.cells,
            )
            for one in self.rows
        ]  # fmt: skip
        return csv_bytes((*COLUMNS, *self.names), rows)

    def _listing(self) -> bytes:
        said = {
            "delivery": self.delivery,
            "columns": self.names,
            "rows": {str(row.number): row.written for row in self.rows},
            "taken": self.taken,
        }
        return json.dumps(said).encode()

    def to_table(self) -> pa.Table:
        """The delivered cells alone, all text; those of a ragged line are null."""
        return pa.table({
            name: pa.array([row.cells[at] for row in self.rows], pa.string())
            for at, name in enumerate(self.names)
        })


def _is_number(cell: str | None) -> bool:
    return cell is not None and cell.isascii() and cell.isdigit() and len(cell) <= _LONGEST_NUMBER


def _some(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    return ", ".join(map(str, found[:_FEW])) + (", …" if len(found) > _FEW else "")


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def csv_bytes(names: Iterable[str], rows: Iterable[Iterable[str | None]]) -> bytes:
    """A CSV table in which every text is quoted, and an absent one is not."""
    lines = [",".join(names)]
    lines += [
        ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in rows
    ]
    return b"\xef\xbb\xbf" + "".join(f"{line}\n" for line in lines).encode()
