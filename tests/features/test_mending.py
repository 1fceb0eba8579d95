"""Mending: what was put right is taken in once, what was not still waits, whatever happens in between."""

from __future__ import annotations

import shutil
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features import CONTRACTS, Signals
from features.errors import ContractError
from features.health import Deliveries
from features.signals import beside, mending
from features.signals.beside import alone
from features.signals.buckets import BucketWriter
from features.signals.delivery import take_in_folder
from features.signals.mending import mend
from features.signals.quarantine import KeptRow, Quarantine
from tests.features.spec_rules import ID, ON, sound
from tests.features.test_quarantine import GOOD, HEADER

COVERAGE = "feed,area_code,complete_from,complete_until,known_on\n" + "".join(
    f"{feed},500299,2015-01-01,{ON},{ON}\n" for feed in CONTRACTS
)
BAD = GOOD.replace("20000", "12,000").replace("H1", "H3")
INCOME = [
    GOOD,
    GOOD.replace("H1", '"H2,"'),
    BAD,
    GOOD.replace("20000", "2万").replace("H1", "00050029919900101X"),
    GOOD,
    GOOD.replace("H1", "").replace("business", "wages"),
    GOOD.replace("20000", "-5"),
]
"""One accepted row, and each kind of refused one: 1 a comma, 2 ragged, 3 an amount, 4 a repeat, 5 a blank id,
6 out of range."""


def deliver(raw: Path) -> None:
    raw.mkdir()
    members = [
        sound("member", id_number=f"{ID[:-1]}1", born_on="1949-12-31"),
        sound("member", id_number="110105198001010032", born_on="1980-01-01", member_id="M2"),
    ]
    pd.DataFrame([sound("household"), sound("household", household_id="H2")]).to_csv(
        raw / "household.csv", index=False
    )
    pd.DataFrame(members).to_csv(raw / "member.csv", index=False)
    (raw / "income.csv").write_text("\n".join([HEADER, *INCOME, ""]), encoding="utf-8")
    (raw / "coverage.csv").write_text(COVERAGE)


@pytest.fixture
def signals(tmp_path: Path) -> Path:
    deliver(tmp_path / "raw")
    take_in_folder(tmp_path / "raw", tmp_path / "signals", region="CN-50", on=ON)
    return tmp_path / "signals"


def edit(folder: Path, feed: str, change: Callable[[KeptRow], KeptRow | None]) -> None:
    """Change the rows of a quarantine as somebody does with an editor; `state` stays as it was."""
    path = folder / f"{feed}.csv"
    book = Quarantine.read(CONTRACTS[feed], path)
    states = {row.number: row.written for row in book.rows}
    rows = [one for row in book.rows if (one := change(row)) is not None]
    rows = [replace(row, written_as=states[row.number]) for row in rows]
    path.write_bytes(replace(book, rows=tuple(rows)).to_csv())


def cells(row: KeptRow, **change: str | None) -> KeptRow:
    names = [*sound("income")]
    given = dict(zip(names, row.cells, strict=True)) | change
    return KeptRow(row.number, tuple(given[name] for name in names), row.line, row.defects, "", "")


def mended(row: KeptRow) -> KeptRow:
    match row.number:
        case 1:
            return cells(row, household_id="H2")
        case 2:
            return KeptRow(2, row.cells, BAD.replace("12,000", "12000"), row.defects, "", "")
        case 3:
            return cells(row, amount_yuan="20000.00")
        case 5:
            return cells(row, household_id="H1", source="gifts")
    return row


def records(folder: Path, feed: str = "income") -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row.values()) for row in Signals.load(folder).tables[feed].to_pylist())


def waiting(folder: Path, feed: str = "income") -> dict[int, str]:
    path = folder / "quarantine" / f"{feed}.csv"
    return (
        {one.number: one.defects for one in Quarantine.read(CONTRACTS[feed], path).rows}
        if path.exists()
        else {}
    )


def test_what_nobody_touched_still_waits(signals: Path) -> None:
    before = {path: path.read_bytes() for path in signals.rglob("*.csv")}
    stored = records(signals)
    found = mend(signals, region="CN-50", on=ON)
    assert {feed: (one.rows_in, len(one.accepted)) for feed, one in found.items()} == {
        "income": (6, 0),
        "member": (1, 0),
    }
    assert {path: path.read_bytes() for path in signals.rglob("*.csv")} == before
    assert records(signals) == stored
    assert found["income"].defect_counts["repeated_row", "household_id"] == 1


def test_mended_rows_are_stored_and_the_others_wait_with_their_new_defects(signals: Path) -> None:
    edit(signals / "quarantine", "income", mended)
    found = mend(signals, region="CN-50", on=ON)["income"]
    assert (found.rows_in, len(found.accepted), len(found.quarantined)) == (6, 3, 3)
    expected = ["H1", "H2", "H3", "00050029919900101X"]
    assert sorted(Signals.load(signals).tables["income"]["household_id"].to_pylist()) == sorted(expected)
    assert waiting(signals) == {
        4: "household_id: repeated_row", 5: "source: unknown_category", 6: "amount_yuan: out_of_range"
    }  # fmt: skip
    again = mend(signals, region="CN-50", on=ON)["income"]
    assert (again.rows_in, len(again.accepted)) == (3, 0)
    edit(
        signals / "quarantine",
        "income",
        lambda row: cells(row, source="property", amount_yuan=str(row.number)),
    )
    last = mend(signals, region="CN-50", on=ON)["income"]
    # The repeat, changed, is another record now.
    assert (last.rows_in, len(last.accepted)) == (3, 3)
    assert not (signals / "quarantine" / "income.csv").exists()
    assert sum(records(signals).values()) == 7
    assert mend(signals, region="CN-50", on=ON).keys() == {"member"}


def test_a_row_that_is_stored_already_is_a_repeat(signals: Path) -> None:
    edit(
        signals / "quarantine",
        "income",
        lambda row: cells(row, household_id="H1") if row.number == 1 else row,
    )
    found = mend(signals, region="CN-50", on=ON)["income"]
    assert len(found.accepted) == 0
    assert waiting(signals)[1] == "household_id: repeated_row"
    assert sum(records(signals).values()) == 1


def test_two_rows_mended_into_the_same_are_one_record(signals: Path) -> None:
    edit(
        signals / "quarantine",
        "income",
        lambda row: (
            cells(row, household_id="H9", source="wages", amount_yuan="500") if row.number in (1, 6) else row
        ),
    )
    assert len(mend(signals, region="CN-50", on=ON)["income"].accepted) == 1
    assert waiting(signals)[6] == "household_id: repeated_row"


def test_an_id_number_is_mended_and_never_stored(signals: Path) -> None:
    edit(
        signals / "quarantine",
        "member",
        lambda row: KeptRow(row.number, (*row.cells[:-1], ID), None, row.defects, "", ""),
    )
    assert len(mend(signals, region="CN-50", on=ON)["member"].accepted) == 1
    assert sorted(Signals.load(signals).tables["member"]["member_id"].to_pylist()) == ["M1", "M2"]
    held = b"".join(path.read_bytes() for path in signals.rglob("*") if path.is_file())
    assert ID[:-1].encode() not in held


def test_a_number_kept_as_a_number_is_not_taken_for_text(tmp_path: Path) -> None:
    """Written as text it would pass; nobody has looked at it, so it waits."""
    deliver(tmp_path / "raw")
    (tmp_path / "raw" / "income.csv").unlink()
    pd.DataFrame([sound("income", household_id=12), sound("income", household_id=13)]).to_parquet(
        tmp_path / "raw" / "income.parquet"
    )
    take_in_folder(tmp_path / "raw", tmp_path / "signals", region="CN-50", on=ON)
    assert waiting(tmp_path / "signals") == {0: "household_id: not_text", 1: "household_id: not_text"}
    edit(
        tmp_path / "signals" / "quarantine",
        "income",
        lambda row: cells(row, household_id="0012") if row.number == 0 else row,
    )
    mend(tmp_path / "signals", region="CN-50", on=ON)
    assert Signals.load(tmp_path / "signals").tables["income"]["household_id"].to_pylist() == ["0012"]
    assert waiting(tmp_path / "signals") == {1: "household_id: not_text"}


def test_mended_copies_stand_for_the_rows_of_their_numbers(signals: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(signals / "quarantine", copies)
    # Somebody sends back only what was put right.
    edit(copies, "income", lambda row: mended(row) if row.number in (1, 3) else None)
    (copies / "member.csv").unlink()
    for accepted in (2, 0):
        found = mend(signals, region="CN-50", on=ON, mended=copies)["income"]
        assert len(found.accepted) == accepted
        assert set(waiting(signals)) == {2, 4, 5, 6}
        assert sum(records(signals).values()) == 3
    (copies / "income.csv").write_text((copies / "income.csv").read_text().replace("source", "cost_yuan2"))
    with pytest.raises(ContractError, match="other columns"):
        mend(signals, region="CN-50", on=ON, mended=copies)
    with pytest.raises(ContractError, match="absent: give the one that holds the mended copies"):
        mend(signals, region="CN-50", on=ON, mended=tmp_path / "absent")


def test_flags_of_mended_rows_are_added(signals: Path) -> None:
    def small(row: KeptRow) -> KeptRow:
        return cells(row, household_id="H7", source="wages", amount_yuan="3") if row.number in (1, 3) else row

    edit(signals / "quarantine", "income", lambda row: small(row) if row.number == 1 else row)
    mend(signals, region="CN-50", on=ON)
    edit(
        signals / "quarantine",
        "income",
        lambda row: cells(small(row), household_id="H8") if row.number == 3 else row,
    )
    found = mend(signals, region="CN-50", on=ON)["income"]
    assert found.flag_counts == {("wage_too_small", "amount_yuan"): 1}
    told = pd.read_csv(signals / "flags" / "income.csv", dtype=str)
    assert told[["row_number", "household_id", "code"]].to_numpy().tolist() == [
        ["1", "H7", "wage_too_small"], ["3", "H8", "wage_too_small"]
    ]  # fmt: skip
    assert stat.S_IMODE((signals / "flags" / "income.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((signals / "quarantine").stat().st_mode) == 0o700


class Killed(BaseException):
    """The process ends here."""


STEPS: dict[str, tuple[Any, str]] = {
    "before anything is written": (mending, "change"),
    "when the new files lie aside": (Signals, "save"),
    "while the signals are written": (BucketWriter, "finish"),
    "when the signals are saved": (beside, "_finish"),
    "while the files take their places": (beside, "sync_folder"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_mend_that_is_killed_loses_and_doubles_nothing(
    signals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    edit(signals / "quarantine", "income", mended)
    other = tmp_path / "other"
    shutil.copytree(signals, other)
    mend(other, region="CN-50", on=ON)

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], kill)
        with pytest.raises(Killed):
            mend(signals, region="CN-50", on=ON)
    # A reader in between sees the old signals or the new ones.
    assert sum(records(signals).values()) in (1, 4)
    mend(signals, region="CN-50", on=ON)
    assert records(signals) == records(other)
    for folder in ("quarantine", "flags"):
        assert files(signals / folder) == files(other / folder)
    assert not (signals / ".beside").exists()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "step",
    ["when the new files lie aside", "when the signals are saved", "while the files take their places"],
)
def test_an_intake_that_is_killed_is_finished_or_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    deliver(tmp_path / "raw")
    out = tmp_path / "signals"
    take_in_folder(tmp_path / "raw", out, region="CN-50", on=ON)
    (tmp_path / "raw" / "income.csv").write_text("\n".join([HEADER, GOOD.replace("20000", "30000"), ""]))

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], kill)
        with pytest.raises(Killed):
            take_in_folder(tmp_path / "raw", out, region="CN-50", on=ON)
    mend(out, region="CN-50", on=ON)
    (amount,) = Signals.load(out).tables["income"]["amount_fen"].to_pylist()
    assert (amount, len(waiting(out))) in ((2_000_000, 6), (3_000_000, 0))
    assert (amount == 2_000_000) == (step == "when the new files lie aside")


def test_two_at_once_are_refused(signals: Path) -> None:
    with alone(signals), pytest.raises(ContractError, match="another process"):
        mend(signals, region="CN-50", on=ON)


def test_health_reads_the_refused_rows_from_the_quarantine(signals: Path) -> None:
    refused = Deliveries.load(signals).refused["income"].to_pylist()
    assert [one["household_id"] for one in refused] == ["H2,", None, "00050029919900101X", "H1", None, "H1"]
    assert [one["amount_fen"] for one in refused] == [2_000_000, None, None, 2_000_000, 2_000_000, -500]
    assert "member" in Deliveries.load(signals).refused
