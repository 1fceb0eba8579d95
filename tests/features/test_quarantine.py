"""The quarantine: cells come back byte-equal, hostile files are told row by row, and nothing is lost."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, take_in
from features.errors import ContractError
from features.signals.beside import FOLDERS
from features.signals.quarantine import COLUMNS, KeptRow, Quarantine, csv_bytes
from features.signals.sources import Given
from tests.features.hostile import cells as hostile_cells
from tests.features.hostile import texts
from tests.features.spec_rules import sound

INCOME = CONTRACTS["income"]
DELIVERY = "0123456789abcdef"
NAMES = ("household_id", "occurred_on", "amount_yuan")
FILE_TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | texts()
CELL = (
    st.none()
    | st.sampled_from(["", '"', '""', ",", "\n", "\r\n", "\r", " ", "001", "X", "\x00", "'=1+1"])
    | FILE_TEXT
)


def written(quarantine: Quarantine) -> Quarantine:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "income.csv"
        path.write_bytes(quarantine.to_csv())
        return Quarantine.read(INCOME, path)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5))
@settings(max_examples=400)
def test_cells_come_back_byte_equal(rows: list[tuple[str | None, str | None, str | None]]) -> None:
    kept = tuple(KeptRow(n, row, None, "row: missing", "行：补", "row: mend") for n, row in enumerate(rows))
    assert written(Quarantine(NAMES, kept, DELIVERY)) == Quarantine(NAMES, kept, DELIVERY)


@given(st.lists(FILE_TEXT.filter(bool), min_size=1, max_size=5))
@settings(max_examples=200)
def test_whole_lines_come_back_byte_equal(lines: list[str]) -> None:
    kept = tuple(KeptRow(n, (None,) * 3, line, "a: b", "c", "d") for n, line in enumerate(lines))
    assert written(Quarantine(NAMES, kept, DELIVERY)) == Quarantine(NAMES, kept, DELIVERY)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
@settings(max_examples=200)
def test_another_reader_reads_the_same_table(rows: list[tuple[str | None, str | None]]) -> None:
    text = csv_bytes(("a", "b"), rows).decode("utf-8-sig")
    header, *read = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["a", "b"]
    assert read == [[cell or "" for cell in row] for row in rows]


def test_no_column_of_the_quarantine_is_a_field() -> None:
    for contract in CONTRACTS.values():
        assert not set(COLUMNS) & {one.surface for one in (*contract.fields, *contract.checked)}
    assert FOLDERS == ("quarantine", "flags")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("H1,", "H1,"),
        ("", ""),
        (None, None),
        (float("nan"), None),
        (pd.NaT, None),
        (5.0, "5"),
        (0.1, "0.1"),
        (-3, "-3"),
        (500299199001011234, "500299199001011234"),
        (5.0029919900101126e17, "5.0029919900101126e+17"),
        (float("inf"), "inf"),
        (True, "true"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29, 12), "2024-02-29T12:00:00"),
        (Decimal("12.30"), "12.30"),
        (Decimal("1E+999999"), "1E+999999"),
        (b"12\xff", "12\\xff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_cells_that_are_no_text(cell: object, text: str | None) -> None:
    assert Given({"a": [cell]}).as_text(np.array([0]))["a"].to_pylist() == [text]


@given(st.lists(hostile_cells(), min_size=1, max_size=5))
@settings(max_examples=200)
def test_any_cell_has_a_text(cells: list[Any]) -> None:
    texts = Given({"a": cells}).as_text(np.arange(len(cells)))["a"].to_pylist()
    assert len(texts) == len(cells)
    kept = Quarantine(
        ("amount_yuan",),
        tuple(KeptRow(n, (one,), None, "", "", "") for n, one in enumerate(texts)),
        DELIVERY,
    )
    assert written(kept) == kept


HEADER = ",".join(sound("income"))
GOOD = ",".join(sound("income").values())


def hostile_file(path: Path, *lines: str, end: str = "\n", mark: bytes = b"") -> Path:
    path.write_bytes(mark + "".join(f"{line}{end}" for line in (HEADER, *lines)).encode())
    return path


HOSTILE_LINES: tuple[tuple[str, str | None, str], ...] = (
    (GOOD, None, ""),
    (f"{GOOD},", "wrong_field_count", "row"),
    (GOOD.rsplit(",", 1)[0], "wrong_field_count", "row"),
    (GOOD.replace("H1", ""), "missing", "household_id"),
    (GOOD.replace("H1", '""'), "missing", "household_id"),
    (GOOD.replace("H1", "50029919900101123X"), None, ""),
    (GOOD.replace("H1", "00050029919900101"), None, ""),
    (GOOD.replace("H1", '"H1,"'), "malformed", "household_id"),
    (GOOD.replace("H1", '"H1""2"'), "malformed", "household_id"),
    (GOOD.replace("H1", "H1 "), "malformed", "household_id"),
    (GOOD.replace("H1", "H1\x00"), "malformed", "household_id"),
    (GOOD.replace("H1", "5.00299E+17"), "malformed", "household_id"),
    (GOOD.replace("H1", '"H\n1"'), "malformed", "household_id"),
    (GOOD.replace("20000", "12,000"), "wrong_field_count", "row"),
)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_hostile_lines_are_told_one_by_one(tmp_path: Path, end: str, mark: bytes) -> None:
    lines = [
        line.replace("2020-01-01", f"2020-01-{n + 1:02d}").replace("2020-01-02", "2020-02-02")
        for n, (line, _, _) in enumerate(HOSTILE_LINES)
    ]
    taken = take_in("income", hostile_file(tmp_path / "income.csv", *lines, end=end, mark=mark))
    assert taken.rows_in == len(lines)
    refused = {one.row: [(defect.code, defect.field) for defect in one.defects] for one in taken.quarantined}
    assert refused == {n: [(code, field)] for n, (_, code, field) in enumerate(HOSTILE_LINES) if code}
    assert taken.accepted["household_id"].to_pylist() == ["H1", "50029919900101123X", "00050029919900101"]
    book = Quarantine.of(taken)
    kept = {row.number: row for row in book.rows}
    assert kept[1].line == lines[1]
    assert kept[13].line == lines[13]
    assert kept[1].cells == (None,) * 6
    ids = {n: kept[n].cells[0] for n in (3, 4, 7, 8, 9, 10, 11, 12)}
    assert ids == {3: None, 4: "", 7: "H1,", 8: 'H1"2', 9: "H1 ", 10: "H1\x00", 11: "5.00299E+17", 12: "H\n1"}
    assert kept[3].cells[1:] == ("2020-01-04", "2020-02-02", "business", "20000", "0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "income.csv"
        path.write_bytes(book.to_csv())
        assert Quarantine.read(INCOME, path) == book


def test_a_trailing_comma_on_every_line_shifts_nothing(tmp_path: Path) -> None:
    taken = take_in("income", hostile_file(tmp_path / "a.csv", f"{GOOD},", f"{GOOD},"))
    assert [one.defects[0].code for one in taken.quarantined] == ["wrong_field_count"] * 2
    path = tmp_path / "b.csv"
    path.write_text(f"{HEADER},\n{GOOD},\n")
    with pytest.raises(ContractError, match="unknown"):
        take_in("income", path)


def test_a_file_in_another_encoding_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "income.csv"
    path.write_bytes(f"{HEADER}\n{GOOD.replace('H1', '张三')}\n".encode("gb18030"))
    with pytest.raises(ContractError, match="UTF-8"):
        take_in("income", path)


@given(st.integers(0, 10**6), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), CELL), max_size=6))
@settings(max_examples=150)
def test_rows_in_are_accepted_or_quarantined_and_ids_are_byte_equal(
    seed: int, dirt: list[tuple[int, int, str | None]]
) -> None:
    rng = random.Random(seed)
    names = list(sound("income"))
    rows = [
        sound("income", household_id=f"0{rng.randrange(10**17)}X", amount_yuan=str(rng.randrange(10**6)))
        for _ in range(4)
    ]
    for place, column, cell in dirt:
        rows[place][names[column]] = cell
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "income.csv"
        path.write_bytes(csv_bytes(names, [tuple(row.values()) for row in rows]))
        taken = take_in("income", path)
    assert taken.rows_in == len(rows) == len(taken.accepted) + len(taken.quarantined)
    accepted = dict(
        zip(taken.accepted_rows.tolist(), taken.accepted["household_id"].to_pylist(), strict=True)
    )
    kept = {row.number: row for row in Quarantine.of(taken).rows}
    assert accepted.keys() | kept.keys() == set(range(len(rows)))
    assert not accepted.keys() & kept.keys()
    for number, row in enumerate(rows):
        if number in accepted:
            assert accepted[number] == row["household_id"]
        else:
            assert dict(zip(names, kept[number].cells, strict=True)) == row


@pytest.mark.parametrize(
    ("harm", "match"),
    [
        (lambda text: text.replace("row_number", "row"), "other columns"),
        (lambda text: text.replace("amount_yuan", "geld"), "other columns"),
        (lambda text: text.replace('"0",', '"",', 1), "without its row_number"),
        (lambda text: text.replace('"0",', '"-1",', 1), "without its row_number"),
        (lambda text: text + text.splitlines()[1] + "\n", "row_number twice"),
        (lambda text: text + '"9","x"\n', "cannot be read"),
        (lambda text: "", "cannot be read|other columns"),
    ],
)
def test_a_file_that_is_no_quarantine_is_refused(tmp_path: Path, harm: Any, match: str) -> None:
    kept = (KeptRow(0, ("张三", "2025-01-01", "1"), None, "a: b", "c", "d"),)
    path = tmp_path / "income.csv"
    text = Quarantine(NAMES, kept, DELIVERY).to_csv().decode("utf-8-sig")
    path.write_text(harm(text), encoding="utf-8")
    with pytest.raises(ContractError, match=match) as refused:
        Quarantine.read(INCOME, path)
    assert "张三" not in str(refused.value)
