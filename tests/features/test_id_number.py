"""ID numbers: what GB 11643 accepts, byte for byte, and nothing of it anywhere but in the quarantine."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, take_in
from features.errors import ContractError
from features.language.views import View
from features.signals import REQUEST_FEEDS
from features.signals.defects import Defect
from features.signals.id_number import IdNumber
from tests.features.spec_rules import ID, sound

FIELD = CONTRACTS["member"].checked[0]


def is_valid(number: str) -> bool:
    """ISO 7064's own recursion, digit after digit, X for ten; another way than weights."""
    rest = 10
    for digit in number[:-1]:
        rest = (rest + int(digit)) % 11
        rest = rest * 2 % 11
    return (rest + (10 if number[-1] == "X" else int(number[-1]))) % 11 == 1


def pure(number: str) -> bool:
    """The sum of ISO 7064, MOD 11-2: every place weighs twice the one after it, and the whole is 1."""
    values = [10 if one == "X" else int(one) for one in number]
    return sum(value << place for place, value in enumerate(reversed(values))) % 11 == 1


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Valid numbers, made by trying every check character with the oracle."""
    born = draw(st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)))
    digits = f"{draw(st.integers(110000, 659999))}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return next(digits + check for check in "0123456789X" if pure(digits + check))


def code_of(value: object) -> str | None:
    try:
        FIELD.parse(value)
    except Defect as defect:
        return defect.code
    return None


@given(numbers())
def test_every_valid_number_is_accepted_as_it_is(number: str) -> None:
    assert FIELD.parse(number) == number
    assert FIELD.parse(number + "41") == number
    assert FIELD.parse(number + "73B1") == number


def test_the_examples_of_the_standard() -> None:
    assert pure(ID)
    assert FIELD.parse(ID) == ID
    assert pure("440524188001010014")
    # A right check character, and a day that no date field takes.
    assert code_of("440524188001010014") == "id_number_birth_date"


@given(numbers(), st.integers(0, 17), st.sampled_from("0123456789X"))
@settings(max_examples=300)
def test_one_wrong_character_is_always_found(number: str, place: int, other: str) -> None:
    changed = number[:place] + other + number[place + 1 :]
    assert (code_of(changed) is None) == (changed == number)


@given(numbers(), st.integers(0, 15))
@settings(max_examples=300)
def test_two_neighbours_in_the_wrong_order_are_always_found(number: str, place: int) -> None:
    changed = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert (code_of(changed) is None) == (changed == number)


@given(numbers())
@settings(max_examples=300)
def test_what_a_spreadsheet_does_to_a_number_is_found(number: str) -> None:
    if number.endswith("X"):
        return
    rounded = f"{int(float(number[:15] + '.' + number[15:]))}000"
    cut = number[:15] + "000"
    for one in {rounded, cut} - {number}:
        code = code_of(one)
        # One in eleven of them has a right check character by chance; those are flagged.
        assert code == ("id_number_rounded" if not pure(one) else None) or code == "id_number_birth_date"
        if code is None:
            (flag,) = take_in("member", [with_number(one)]).flagged
            assert flag.code == "id_number_ends_in_zeros"
    assert code_of(f"{float(number):.5E}") == "id_number_lost_digits"
    assert code_of(float(number)) == "id_number_lost_digits"
    assert code_of(int(number)) == "id_number_lost_digits"
    assert code_of(f"{number}.0") == "id_number_lost_digits"


def with_number(number: Any) -> dict[str, Any]:
    text = str(number)
    return sound("member", id_number=number, born_on=f"{text[6:10]}-{text[10:12]}-{text[12:14]}")


CELLS = st.one_of(
    numbers(),
    numbers().map(lambda one: one + "41"),
    st.tuples(numbers(), st.integers(0, 17), st.sampled_from("0123456789Xx ,")).map(
        lambda one: one[0][: one[1]] + one[2] + one[0][one[1] + 1 :]
    ),
    st.sampled_from([
        "",
        " ",
        "X",
        "0" * 18,
        "１" * 18,
        f"{ID}\n",
        f"\ufeff{ID}",
        f"{ID}\x00",
        "5.00299E+17",
        "-5",
    ]),
    st.text(max_size=20),
)


@given(st.lists(st.none() | CELLS, max_size=6), st.integers(0, 3))
@settings(max_examples=500)
def test_a_column_settles_what_one_value_gives(cells: list[str | None], skip: int) -> None:
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        column = pa.array(cells, kind).slice(skip)
        values, settled = FIELD.parse_column(column)
        for row in np.flatnonzero(settled.to_numpy(zero_copy_only=False)).tolist():
            assert values[row].as_py() == FIELD.parse(column[row].as_py())


@given(st.lists(CELLS, min_size=1, max_size=6))
@settings(max_examples=200)
def test_the_rule_of_birth_asks_a_table_and_a_row_alike(cells: list[str]) -> None:
    rows = [
        sound("member", id_number=cell, born_on="1980-05-05", member_id=f"M{n}")
        for n, cell in enumerate(cells)
    ]
    taken = take_in("member", rows)
    refused = {one.row: [defect.code for defect in one.defects] for one in taken.quarantined}
    for row, cell in enumerate(cells):
        code = "missing" if cell == "" else code_of(cell)
        if code is None and cell[6:14] != "19800505":
            code = "id_number_born_otherwise"
        assert refused.get(row) == (None if code is None else [code])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12))
def test_duplicates_are_those_of_several_members(pairs: list[tuple[int, int]]) -> None:
    pool = [ID, "110105194912312009", "110105194912313001"]
    rows = [
        sound("member", id_number=pool[number], born_on="1949-12-31", member_id=f"M{member}", household_id=f"H{n}")
        for n, (number, member) in enumerate(pairs)
    ]  # fmt: skip
    owners = {number: {member for one, member in pairs if one == number} for number, _ in pairs}
    expected = tuple(n for n, (number, _) in enumerate(pairs) if len(owners[number]) > 1)
    found = {one.code: one.places for one in take_in("member", rows).flagged}
    assert found.get("duplicate_id_number", ()) == expected


def test_a_number_is_never_stored_asked_for_or_told() -> None:
    rows = [with_number(ID), {**with_number(ID[:-1] + "1"), "member_id": "M2"}]
    taken = take_in("member", rows)
    assert len(taken.accepted) == 1
    assert "id_number" not in taken.accepted.column_names
    assert ID[:-1] not in str(taken.accepted.to_pylist())
    assert ID[:-1] not in repr(taken.quarantined) + taken.quarantine_frame().to_csv()
    assert not [one for one in REQUEST_FEEDS["member"].fields if isinstance(one, IdNumber)]
    asked = CONTRACTS["member"].parse_row(rows[0])
    assert isinstance(asked, list)
    assert [(one.code, one.field) for one in asked] == [("unknown_field", "unknown")]
    assert ID not in repr(asked)


def test_the_feature_language_cannot_reach_a_checked_field() -> None:
    view = View(CONTRACTS["member"])
    for contract in CONTRACTS.values():
        assert not {one.name for one in contract.checked} & {one.name for one in contract.fields}
        assert not {one.column for one in contract.checked} & set(contract.schema.names)
    with pytest.raises(ContractError, match="has no field id_number"):
        _ = view.id_number


def test_an_absent_column_is_no_defect_and_a_blank_cell_is() -> None:
    assert take_in("member", [sound("member")]).quarantined == ()
    (row,) = take_in("member", [sound("member", id_number="")]).quarantined
    assert [(one.code, one.field) for one in row.defects] == [("missing", "id_number")]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_numbers_come_through_files_unharmed(tmp_path: Path, ending: str) -> None:
    """A blank number beside them turns no other into a float; one that ends in X is text like all."""
    rng = random.Random(3)
    rows = [
        with_number(ID) | {"household_id": f"H{rng.randrange(10**6)}"},
        with_number("") | {"born_on": "1980-05-05"},
    ]
    rows.append(with_number("110105198001010032") | {"member_id": "M2"})
    path = tmp_path / f"member{ending}"
    frame = pd.DataFrame(rows)
    frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path)
    taken = take_in("member", path)
    assert [one.row for one in taken.quarantined] == [1]
    assert taken.accepted["household_id"].to_pylist() == [rows[0]["household_id"], "H1"]
