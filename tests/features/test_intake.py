"""Intake: every row is accounted for, every refusal names the way out and never the value."""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, take_in
from features.errors import ContractError
from features.signals.defects import RowDefect
from features.signals.refusals import Refusals
from tests.features.hostile import cells
from tests.features.test_intake_parity import FEEDS

INCOME = {
    "household_id": "H1",
    "occurred_on": "2025-03-01",
    "known_on": "2025-04-01",
    "is_known_on_estimated": "false",
    "source": "wages",
    "amount_yuan": "3000.50",
    "cost_yuan": "0",
}
HEADER = ",".join(INCOME)
LINE = ",".join(INCOME.values())


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def codes(feed: str, rows: list[dict[str, Any]], **options: Any) -> list[tuple[int, str, str]]:
    return [
        (one.row, defect.code, defect.field)
        for one in take_in(feed, rows, **options).quarantined
        for defect in one.defects
    ]


def test_a_good_row_is_stored_in_fen_and_days() -> None:
    (row,) = take_in("income", [INCOME]).accepted.to_pylist()
    assert row["amount_fen"] == 300_050
    assert row["occurred_on"] == dt.date(2025, 3, 1)
    assert row["is_known_on_estimated"] is False


def test_an_empty_delivery_is_not_an_error() -> None:
    sources: list[Any] = [[], pd.DataFrame(columns=list(INCOME)), pa.table({name: [] for name in INCOME})]
    for source in sources:
        taken = take_in("income", source)
        assert (taken.rows_in, len(taken.accepted), len(taken.quarantined)) == (0, 0, 0)
        assert taken.accepted.schema == CONTRACTS["income"].schema


def test_every_defect_of_a_row_is_told_at_once() -> None:
    row = {**INCOME, "household_id": "H1,", "source": "gifts", "amount_yuan": "-1"}
    assert codes("income", [INCOME, row]) == [
        (1, "malformed", "household_id"),
        (1, "unknown_category", "source"),
        (1, "out_of_range", "amount_yuan"),
    ]


@pytest.mark.parametrize(
    ("feed", "change", "defect"),
    [
        ("income", {"known_on": dt.date(2023, 1, 1)}, ("known_before_occurred", "known_on")),
        (
            "member",
            {"ended_on": dt.date(2023, 1, 1), "ended_known_on": dt.date(2025, 1, 1)},
            ("ended_before_start", "ended_on"),
        ),
        (
            "member",
            {"ended_on": dt.date(2026, 12, 1), "ended_known_on": None},
            ("end_undated", "ended_known_on"),
        ),
        (
            "member",
            {"ended_on": None, "ended_known_on": dt.date(2026, 12, 1)},
            ("end_undated", "ended_known_on"),
        ),
        (
            "illness",
            {"total_yuan": 10, "reimbursed_yuan": 5.01, "self_paid_yuan": 5},
            ("parts_exceed_total", "self_paid_yuan"),
        ),
    ],
)
def test_rules_between_fields(feed: str, change: dict[str, Any], defect: tuple[str, str]) -> None:
    row = CONTRACTS[feed].generate(random.Random(1)) | change
    parsed = CONTRACTS[feed].parse_row(row)
    assert isinstance(parsed, list)
    assert [(one.code, one.field) for one in parsed] == [defect]
    assert codes(feed, [row]) == [(0, *defect)]


def test_money_may_use_up_the_whole() -> None:
    row = CONTRACTS["illness"].generate(random.Random(1))
    row |= {"total_yuan": "10.01", "reimbursed_yuan": 5, "self_paid_yuan": "5.01"}
    assert len(take_in("illness", [row]).accepted) == 1


def test_a_repeated_row_is_the_same_record_delivered_twice() -> None:
    twice: list[dict[str, Any]] = [
        INCOME,
        {**INCOME, "amount_yuan": 3000.5},
        {**INCOME, "amount_yuan": 3000.51},
    ]
    assert codes("income", twice) == [(1, "repeated_row", "household_id")]


def test_a_refused_row_makes_no_other_a_repetition() -> None:
    member = CONTRACTS["member"].generate(random.Random(5)) | {"ended_on": None, "ended_known_on": None}
    assert codes("member", [{**member, "ended_on": "soon"}, member]) == [(0, "not_a_date", "ended_on")]
    broken: dict[str, Any] = {**INCOME, "is_known_on_estimated": "perhaps"}
    assert codes("income", [broken, INCOME]) == [(0, "not_a_flag", "is_known_on_estimated")]


@pytest.mark.parametrize("absent", [None, "", float("nan"), pd.NaT])
def test_an_arrival_is_estimated_and_marked_only_on_request(absent: object) -> None:
    rows: list[dict[str, Any]] = [{**INCOME, "known_on": absent}, INCOME]
    assert codes("income", rows) == [(0, "missing", "known_on")]
    guessed, told = take_in("income", rows, delay_days=62).accepted.to_pylist()
    assert (guessed["known_on"], guessed["is_known_on_estimated"]) == (dt.date(2025, 5, 2), True)
    assert (told["known_on"], told["is_known_on_estimated"]) == (dt.date(2025, 4, 1), False)


def test_a_delivery_without_arrival_dates_at_all() -> None:
    row: dict[str, Any] = {
        name: cell for name, cell in INCOME.items() if name not in ("known_on", "is_known_on_estimated")
    }
    assert codes("income", [row]) == [(0, "missing", "known_on")]
    assert take_in("income", [row], delay_days=0).accepted["known_on"][0].as_py() == dt.date(2025, 3, 1)


@given(FEEDS, st.lists(st.tuples(st.integers(0, 20), cells()), min_size=1, max_size=3))
@settings(max_examples=150)
def test_no_defect_repeats_a_submitted_value(feed: str, hostile: list[tuple[int, Any]]) -> None:
    contract = CONTRACTS[feed]
    row = contract.generate(random.Random(1))
    names = [field.surface for field in contract.fields]
    for at, cell in hostile:
        row[names[at % len(names)]] = f"secret{cell!r}"
    taken = take_in(feed, [row])
    said = repr(taken.quarantined) + taken.quarantine_frame().to_csv()
    assert list(taken.quarantine_frame().columns) == ["row", "field", "code", "way_out"]
    assert "secret" not in said
    assert all(defect.way_out for one in taken.quarantined for defect in one.defects)


@given(st.lists(st.from_regex(r"\A[0-9A-Za-z_-]{1,64}\Z"), min_size=1, max_size=8, unique=True))
def test_keys_leave_byte_equal(keys: list[str]) -> None:
    taken = take_in("income", [{**INCOME, "household_id": key} for key in keys])
    assert taken.accepted["household_id"].to_pylist() == keys


def test_eighteen_digit_keys_survive_a_blank_one(tmp_path: Path) -> None:
    key = "500299199001011234"
    path = write(tmp_path / "income.csv", HEADER, LINE.replace("H1", key), LINE.replace("H1", ""))
    taken = take_in("income", path)
    assert taken.accepted["household_id"].to_pylist() == [key]
    assert [one.row for one in taken.quarantined] == [1]


def test_rows_by_the_same_rule_share_its_words() -> None:
    """A file at fault from its first row to its last may have a million of them."""
    empty = dict.fromkeys(field.surface for field in CONTRACTS["household"].fields)
    rows = [{**empty, "household_id": f"{number} "} for number in range(200)]
    found = [one for row in take_in("household", rows).quarantined for one in row.defects]
    assert len(found) == 200 * len(set(found))
    assert len({id(one) for one in found}) == len(set(found))


def test_defects_are_counted() -> None:
    rows = [{**INCOME, "source": "x"}, {**INCOME, "source": "y"}, {**INCOME, "cost_yuan": "z"}, INCOME]
    counts = take_in("income", rows).defect_counts
    assert list(counts.items()) == [(("unknown_category", "source"), 2), (("not_a_number", "cost_yuan"), 1)]


def test_json_numbers_are_not_text_and_unknown_fields_are_named() -> None:
    contract = CONTRACTS["income"]
    row = {**INCOME, "is_known_on_estimated": False, "amount_yuan": 3000, "cost_yuan": 0}
    assert isinstance(contract.parse_row(row, is_json=True), dict)
    refused = contract.parse_row({**row, "amount_yuan": "3000", "张三": 1}, is_json=True)
    assert isinstance(refused, list)
    assert [(one.code, one.field) for one in refused] == [
        ("unknown_field", "unknown"),
        ("wrong_type", "amount_yuan"),
    ]
    assert "张三" not in repr(refused)
    odd = contract.parse_row(json.loads('{"household_id": "\\ud800", "amount_yuan": 1e400}'), is_json=True)
    assert isinstance(odd, list)


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ([HEADER + ",", LINE + ","], "unknown"),
        ([HEADER + ",amount_yuan", LINE + ",5"], "doubled amount_yuan"),
        ([HEADER + ",ethnicity", LINE + ",x"], "unknown at place 8"),
        ([HEADER.replace(",cost_yuan", ""), LINE.removesuffix(",0")], "missing cost_yuan"),
        ([HEADER.replace(",", ";"), LINE.replace(",", ";")], "first line must name the columns"),
        ([LINE, LINE], "first line must name the columns"),
        ([], "first line must name the columns|cannot be read"),
    ],
)
def test_misshapen_csv_is_refused_as_a_whole(tmp_path: Path, lines: list[str], match: str) -> None:
    with pytest.raises(ContractError, match=match) as refused:
        take_in("income", write(tmp_path / "income.csv", *lines))
    assert str(refused.value).startswith("income: ")
    assert "3000.50" not in str(refused.value)


def test_csv_quotes_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "income.csv"
    quoted = [",".join(f'"{cell}"' for cell in cells) for cells in (INCOME, INCOME.values())]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(quoted).encode())
    assert take_in("income", path).accepted["household_id"].to_pylist() == ["H1"]


def test_a_month_without_events_is_a_header_alone(tmp_path: Path) -> None:
    assert take_in("income", write(tmp_path / "income.csv", HEADER)).rows_in == 0


def test_unreadable_files(tmp_path: Path) -> None:
    gbk = write(tmp_path / "a.csv", HEADER, LINE.replace("H1", "张三"), encoding="gb18030")
    garbage = write(tmp_path / "b.parquet", "PAR1 but not really PAR1")
    wrong = write(tmp_path / "c.xlsx", HEADER)
    header = write(tmp_path / "d.csv", HEADER + ",备注", encoding="gb18030")
    for path, match in ((gbk, "UTF-8"), (garbage, "table"), (wrong, ".csv or .parquet"), (header, "UTF-8")):
        with pytest.raises(ContractError, match=match):
            take_in("income", path)
    with pytest.raises(ContractError, match="no file"):
        take_in("income", tmp_path / "absent.csv")
    with pytest.raises(ContractError, match="there are household, member"):
        take_in("horoscope", [INCOME])


@given(st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=80)
def test_a_damaged_parquet_file_is_read_or_refused(seed: int, byte: int) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([INCOME] * 3), sink)
    damaged = bytearray(sink.getvalue().to_pybytes())
    damaged[seed % len(damaged)] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "income.parquet"
        path.write_bytes(damaged)
        try:
            taken = take_in("income", path)
        except ContractError:
            return
    assert taken.rows_in == len(taken.accepted) + len(taken.quarantined)


def test_a_line_with_other_fields_is_quarantined_alone(tmp_path: Path) -> None:
    rows = [CONTRACTS["illness"].generate(random.Random(n)) for n in range(6)]
    path = tmp_path / "illness.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    header, *lines = path.read_text().splitlines()
    lines[1] += ","
    lines[4] = lines[4].rsplit(",", 1)[0]
    path.write_text("\n".join([header, lines[0], "", *lines[1:]]) + "\n\n")
    taken = take_in("illness", path)
    assert taken.rows_in == 6
    assert [(one.row, [defect.code for defect in one.defects]) for one in taken.quarantined] == [
        (1, ["wrong_field_count"]),
        (4, ["wrong_field_count"]),
    ]
    kept = [rows[at]["household_id"] for at in (0, 2, 3, 5)]
    assert taken.accepted["household_id"].to_pylist() == kept


@pytest.mark.parametrize("rows", [[None], [5], [[1, 2]], ["text"]])
def test_rows_that_are_no_objects_are_refused(rows: Any) -> None:
    with pytest.raises(ContractError, match="a row is an object"):
        take_in("income", rows)


def test_a_moment_before_all_calendars_is_a_bad_date_and_no_crash() -> None:
    rows = pd.DataFrame([CONTRACTS["income"].generate(random.Random(1))])
    table = pa.Table.from_pandas(rows, preserve_index=False)
    at = table.column_names.index("occurred_on")
    for unit in ("ns", "us"):
        odd = pa.array([-(2**63) + 1], pa.timestamp(unit))
        taken = take_in("income", table.set_column(at, "occurred_on", odd))
        assert len(taken.quarantined) == 1


@pytest.mark.parametrize("in_parts", [1, 7, 100])
def test_a_row_repeats_one_of_any_earlier_part(in_parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part may have a field in no row that the others have in some: that is no other row."""
    monkeypatch.setattr("features.signals.sources._ROWS", in_parts)
    rng = random.Random(11)
    kinds = [CONTRACTS["household"].generate(rng) for _ in range(40)]
    rows = [rng.choice(kinds) for _ in range(100)]
    for row in rows[::9]:
        row["land_mu"] = "?"
    taken = take_in("household", rows)
    wanted: dict[int, list[str]] = {}
    before: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        if row["land_mu"] == "?":
            wanted[number] = ["not_a_number"]
        elif row in before:
            wanted[number] = ["repeated_row"]
        before.append(row)
    assert {one.row: [defect.code for defect in one.defects] for one in taken.quarantined} == wanted
    kept = [row["household_id"] for number, row in enumerate(rows) if number not in wanted]
    assert taken.accepted["household_id"].to_pylist() == kept
    assert len(taken.delivered) == len(wanted)


def test_many_refused_rows_take_no_more_than_their_numbers() -> None:
    """Five bytes a row, however much is wrong with it."""
    fields = [f"field_{number}" for number in range(9)]
    row_count = 200_000
    wanted = {row: fields[: 1 + row % 9] for row in range(0, row_count, 2)}
    tracemalloc.start()
    try:
        refusals = Refusals(row_count)
        for field in fields:
            numbers = np.array([row for row, there in wanted.items() if field in there])
            defect = RowDefect("malformed", field, "mend it", "改正")
            refusals.add(int(numbers[0]), defect)
            refusals.add_all(numbers[1:], defect)
        del numbers
        found = refusals.quarantined()
        del refusals
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 6 * len(wanted)
    assert [(one.row, [defect.field for defect in one.defects]) for one in found] == list(wanted.items())
    rows = list(found)
    assert (len(found), found[-1], found[3:5]) == (len(rows), rows[-1], tuple(rows[3:5]))
    assert found == rows
    assert found != rows[1:]
    with pytest.raises(IndexError):
        found[len(wanted)]
