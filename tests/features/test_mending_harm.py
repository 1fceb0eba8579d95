"""Mending, where somebody or something has meddled: told in a sentence, and no row lost without a word."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features import CONTRACTS, Signals
from features.__main__ import main
from features.errors import ContractError
from features.signals import beside
from features.signals.delivery import take_in_folder
from features.signals.lines import split_line
from features.signals.mending import mend
from features.signals.quarantine import KeptRow, Quarantine
from tests.features.spec_rules import ID, ON, sound
from tests.features.test_mending import (
    BAD,
    STEPS,
    Killed,
    cells,
    deliver,
    edit,
    files,
    mended,
    records,
    signals,
    waiting,
)
from tests.features.test_quarantine import GOOD, HEADER

__all__ = ["signals"]

Table = list[list[str]]


def in_a_spreadsheet(path: Path, change: Callable[[Table], Table]) -> None:
    """Change a file as a spreadsheet saves it: no quotes that need not be, lines that end in CR LF."""
    table = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(change(table))
    path.write_bytes(text.getvalue().encode("utf-8-sig"))


def without(*names: str) -> Callable[[Table], Table]:
    def change(table: Table) -> Table:
        places = [place for place, name in enumerate(table[0]) if name not in names]
        return [[row[place] for place in places] for row in table]

    return change


def doubled(name: str, cell: str) -> Callable[[Table], Table]:
    return lambda table: [[*row, cell if number else name] for number, row in enumerate(table)]


def swapped(one: str, other: str) -> Callable[[Table], Table]:
    def change(table: Table) -> Table:
        a, b = table[0].index(one), table[0].index(other)
        for row in table:
            row[a], row[b] = row[b], row[a]
        return table

    return change


def row_of(table: Table, number: int) -> list[str]:
    return next(row for row in table if row[0] == str(number))


def invented(table: Table) -> Table:
    return [*table, ["500", *row_of(table, 1)[1:]]]


def renumbered(table: Table) -> Table:
    row_of(table, 1)[0] = "99"
    return table


def restated(table: Table) -> Table:
    row_of(table, 1)[5], row_of(table, 3)[5] = row_of(table, 3)[5], row_of(table, 1)[5]
    return table


MEDDLED: dict[str, tuple[str, Callable[[Table], Table], str]] = {
    "a checked column deleted": ("member", without("id_number"), "other columns"),
    "a checked column twice": ("member", doubled("id_number", ID), "other columns"),
    "an optional column deleted": ("member", without("school"), "other columns"),
    "columns reordered": ("income", swapped("amount_yuan", "cost_yuan"), "other columns"),
    "a column without a name": ("income", doubled("", ""), "other columns"),
    "a row deleted": (
        "income",
        lambda table: [row for row in table if row[0] != "3"],
        r"lacks 1 of the rows that wait \(row_number 3\)",
    ),
    "all rows deleted": ("income", lambda table: table[:1], r"lacks 6 of the rows .* 1, 2, 3, 4, 5, …"),
    "a row invented": ("income", invented, r"has 1 rows that do not wait \(row_number 500\)"),
    "a row renumbered": ("income", renumbered, "lacks 1 of the rows"),
    "states exchanged": ("income", restated, "other states"),
    "states gone": (
        "income",
        lambda table: [[*row[:5], "", *row[6:]] if n else row for n, row in enumerate(table)],
        "without its state",
    ),
    "a number of 5,000 digits": (
        "income",
        lambda table: [*table, ["9" * 5000, *row_of(table, 1)[1:]]],
        "without its row_number",
    ),
}


@pytest.mark.parametrize("case", MEDDLED)
def test_what_was_meddled_with_is_refused_and_nothing_changes(signals: Path, case: str) -> None:
    feed, change, message = MEDDLED[case]
    in_a_spreadsheet(signals / "quarantine" / f"{feed}.csv", change)
    before = {path: path.read_bytes() for path in signals.rglob("*") if path.is_file()}
    with pytest.raises(ContractError, match=message) as refused:
        mend(signals, region="CN-50", on=ON)
    assert ID not in str(refused.value)
    assert {path: path.read_bytes() for path in signals.rglob("*") if path.is_file()} == before


def test_a_file_of_the_quarantine_that_is_gone_is_told(signals: Path) -> None:
    kept = signals / "quarantine" / "income.csv"
    content = kept.read_bytes()
    kept.unlink()
    with pytest.raises(ContractError, match=r"income.csv is gone and rows of it wait"):
        mend(signals, region="CN-50", on=ON)
    kept.write_bytes(content)
    for harm in ("", "[]", "{}", '{"rows": 1, "columns": [], "delivery": "", "taken": []}'):
        (signals / "quarantine" / "income.json").write_text(harm)
        with pytest.raises(ContractError, match=r"lacks its income.json as it was written"):
            mend(signals, region="CN-50", on=ON)


def test_saved_by_a_spreadsheet_is_no_edit(signals: Path) -> None:
    before = waiting(signals)
    for feed in ("income", "member"):
        in_a_spreadsheet(signals / "quarantine" / f"{feed}.csv", lambda table: table)
        book = Quarantine.open(CONTRACTS[feed], signals / "quarantine")
        assert book is not None
        assert not any(row.is_mended for row in book.rows)
    mend(signals, region="CN-50", on=ON)
    assert waiting(signals) == before


def test_a_copy_of_another_delivery_is_refused(signals: Path, tmp_path: Path) -> None:
    """Its rows have the numbers of others; taken for them, those would be lost."""
    copies = tmp_path / "copies"
    shutil.copytree(signals / "quarantine", copies)
    edit(copies, "income", mended)
    raw = tmp_path / "raw" / "income.csv"
    raw.write_text("\n".join([HEADER, *(GOOD.replace("H1", f"H{n},") for n in range(5)), ""]))
    take_in_folder(tmp_path / "raw", signals, region="CN-50", on=ON)
    before = files(signals / "quarantine")
    with pytest.raises(ContractError, match="copied from the quarantine of another delivery") as refused:
        mend(signals, region="CN-50", on=ON, mended=copies)
    assert "H1" not in str(refused.value)
    assert files(signals / "quarantine") == before
    assert sum(records(signals).values()) == 0


def test_the_same_delivery_taken_in_again_takes_the_same_copies(signals: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(signals / "quarantine", copies)
    edit(copies, "income", mended)
    take_in_folder(tmp_path / "raw", signals, region="CN-50", on=ON)
    assert len(mend(signals, region="CN-50", on=ON, mended=copies)["income"].accepted) == 3


def test_a_copy_has_no_rows_that_never_waited(signals: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(signals / "quarantine", copies)
    in_a_spreadsheet(copies / "income.csv", invented)
    with pytest.raises(ContractError, match="another delivery"):
        mend(signals, region="CN-50", on=ON, mended=copies)


def test_what_was_not_changed_in_a_copy_takes_nothing_back(signals: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(signals / "quarantine", copies)
    edit(signals / "quarantine", "income", mended)
    edit(copies, "income", lambda row: cells(row, amount_yuan="7") if row.number == 6 else row)
    found = mend(signals, region="CN-50", on=ON, mended=copies)["income"]
    assert len(found.accepted) == 4


LINE = BAD.replace("12,000", "12000")
LINES: dict[str, tuple[str, str | None]] = {
    "as it should be": (LINE, None),
    "a line break at its end": (f"{LINE}\n", None),
    "a line break in it": (LINE.replace("business", "busi\nness"), "row: not_one_line"),
    "a carriage return in it": (LINE.replace("business", "busi\rness"), "row: not_one_line"),
    "another line after it": (f"{LINE}\r\nx", "row: not_one_line"),
    "the same line after it": (f"{LINE}\n{LINE}", "row: not_one_line"),
    "a quote that does not end": (f'"{LINE}', "row: wrong_field_count"),
    "a break between quotes": (LINE.replace("business", '"busi\nness"'), "source: unknown_category"),
    "200,000 characters": (LINE.replace("H3", "H" * 200_000), "household_id: malformed"),
    "2,000,000 characters": (LINE.replace("H3", "H" * 2_000_000), "household_id: malformed"),
    "spaces": (" ", "row: wrong_field_count"),
    "line breaks alone": ("\n\n", "row: not_one_line"),
    "a comma too many": (f"{LINE},", "row: wrong_field_count"),
    "a null": (LINE.replace("H3", "H\x003"), "household_id: malformed"),
}


@pytest.mark.parametrize("case", LINES)
def test_a_mended_line_is_taken_in_or_refused_by_name(signals: Path, case: str) -> None:
    line, defect = LINES[case]
    edit(signals / "quarantine", "income", lambda row: replace(row, line=line) if row.number == 2 else row)
    mend(signals, region="CN-50", on=ON)
    told = waiting(signals).get(2)
    assert told == defect
    # Whatever it was, it can be put right afterwards.
    if told is not None:
        edit(
            signals / "quarantine",
            "income",
            lambda row: (
                cells(replace(row, line=None), **sound("income", household_id="H3"))
                if row.number == 2
                else row
            ),
        )
        assert len(mend(signals, region="CN-50", on=ON)["income"].accepted) == 1


def test_a_line_has_its_cells_as_a_file_has_them() -> None:
    assert split_line('a,"b, ""c""",,""', 4) == ("a", 'b, "c"', None, "")


@pytest.mark.parametrize(
    "step",
    ["when the signals are saved", "while the files take their places", "when the new files lie aside"],
)
def test_edits_after_a_mend_was_killed_are_not_lost(
    signals: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def right(*numbers: int) -> Callable[[KeptRow], KeptRow]:
        return lambda row: mended(row) if row.number in numbers else row

    def kill(*_: object, **__: object) -> None:
        raise Killed

    edit(signals / "quarantine", "income", right(1))
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], kill)
        with pytest.raises(Killed):
            mend(signals, region="CN-50", on=ON)
    edit(signals / "quarantine", "income", right(2))
    # The next is killed as well, before it has looked at anything.
    with monkeypatch.context() as patch:
        patch.setattr(Signals, "load", kill)
        with pytest.raises(Killed):
            mend(signals, region="CN-50", on=ON)
    edit(signals / "quarantine", "income", right(3))
    mend(signals, region="CN-50", on=ON)
    assert set(waiting(signals)) == {4, 5, 6}
    assert sum(records(signals).values()) == 4
    assert not (signals / beside.EDITED).exists()
    assert mend(signals, region="CN-50", on=ON)["income"].rows_in == 3


def test_edits_while_a_mend_is_saving_are_not_lost(signals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(signals / "quarantine", "income", lambda row: mended(row) if row.number == 1 else row)
    save = Signals.save

    def and_edit(self: Signals, directory: Path, **given: Any) -> None:
        save(self, directory, **given)
        edit(directory / "quarantine", "income", lambda row: mended(row) if row.number in (1, 2) else row)

    with monkeypatch.context() as patch:
        patch.setattr(Signals, "save", and_edit)
        assert len(mend(signals, region="CN-50", on=ON)["income"].accepted) == 1
    assert [path.name for path in (signals / beside.EDITED).iterdir()] == ["income-1.csv"]
    assert (signals / beside.EDITED / "income-1.csv").stat().st_mode & 0o777 == 0o600
    assert len(mend(signals, region="CN-50", on=ON)["income"].accepted) == 1
    assert sum(records(signals).values()) == 3
    assert not (signals / beside.EDITED).exists()


def test_edits_of_a_delivery_that_another_replaced_are_not_mixed_in(
    signals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw" / "income.csv"
    raw.write_text("\n".join([HEADER, *(GOOD.replace("H1", f'"H{n},"') for n in range(5)), ""]))

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(beside, "_finish", kill)
        with pytest.raises(Killed):
            take_in_folder(tmp_path / "raw", signals, region="CN-50", on=ON)
    edit(signals / "quarantine", "income", mended)
    assert len(mend(signals, region="CN-50", on=ON)["income"].accepted) == 0
    assert set(waiting(signals)) == {0, 1, 2, 3, 4}
    assert not (signals / beside.EDITED).exists()


def test_a_mend_leaves_a_folder_without_signals_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(tmp_path / "raw")
    before = files(tmp_path / "raw")
    monkeypatch.setattr("sys.argv", ["features", "mend", "--signals", str(tmp_path / "raw"), "--dry-run"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "lacks signals.json" in capsys.readouterr().err
    assert files(tmp_path / "raw") == before
