"""The fast column path accepts what `Contract.parse_row` accepts, row by row, with the same stored value."""

from __future__ import annotations

import csv
import datetime as dt
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, Intake, take_in
from features.signals.contract import Contract
from features.signals.defects import Defect
from features.signals.fields import Count, Date, Field, Flag, Identifier, Money
from tests.features.hostile import FLOATS, INTEGERS, TEXTS, arrow_columns, cells, texts

FEEDS = st.sampled_from(list(CONTRACTS))
DELAYS = st.sampled_from((None, 30))
TIGHT: list[Field] = [
    *(field for contract in CONTRACTS.values() for field in (*contract.fields, *contract.checked)),
    Money(name="debt", zh="债", en="debt", minimum_yuan=-100, maximum_yuan=10**9),
    Count(name="change", zh="变", en="change", minimum=-(10**12), maximum=10**12, is_required=False),
    Flag(name="is_it", zh="是", en="is it", is_required=False),
    Identifier(name="either", zh="或", en="either", pattern="a|bc"),
]


def dirty_rows(feed: str, seed: int, hostile: list[tuple[int, int, Any]]) -> list[dict[str, Any]]:
    """Five made-up rows with some cells replaced, one column left out of one row."""
    contract, rng = CONTRACTS[feed], random.Random(seed)
    rows = [contract.generate(rng) for _ in range(5)]
    names = [field.surface for field in contract.fields]
    for row, column, cell in hostile:
        rows[row][names[column % len(names)]] = cell
    return rows


def placed(cell: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[int, int, Any]]]:
    return st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11), cell), max_size=6)


def check_against_parse_row(
    taken: Intake, contract: Contract, rows: list[dict[str, Any]], delay_days: int | None
) -> None:
    assert taken.rows_in == len(rows) == len(taken.accepted) + len(taken.quarantined)
    refused = {one.row: one.defects for one in taken.quarantined}
    accepted = iter(taken.accepted.to_pylist())
    before: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        expected = contract.parse_row(row, delay_days=delay_days)
        if isinstance(expected, list):
            found = {(one.code, one.field) for one in refused[number]}
            assert found == {(one.code, one.field) for one in expected}, number
        elif expected in before:
            assert [one.code for one in refused[number]] == ["repeated_row"]
        else:
            assert number not in refused, refused[number]
            assert next(accepted) == expected
            before.append(expected)
    assert next(accepted, None) is None


@given(FEEDS, st.integers(0, 10**6), placed(cells()), DELAYS, st.booleans())
@settings(max_examples=300)
def test_rows_of_python(
    feed: str, seed: int, hostile: list[tuple[int, int, Any]], delay_days: int | None, as_frame: bool
) -> None:
    rows = dirty_rows(feed, seed, hostile)
    source = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
    taken = take_in(feed, source if as_frame else rows, delay_days=delay_days)
    check_against_parse_row(taken, CONTRACTS[feed], rows, delay_days)


@given(FEEDS, st.integers(0, 10**6), placed(texts()), DELAYS)
@settings(max_examples=200)
def test_csv(feed: str, seed: int, hostile: list[tuple[int, int, str]], delay_days: int | None) -> None:
    rows = [
        {name: "" if cell is None else str(cell) for name, cell in row.items()}
        for row in dirty_rows(feed, seed, hostile)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "delivery.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        taken = take_in(feed, path, delay_days=delay_days)
    check_against_parse_row(taken, CONTRACTS[feed], rows, delay_days)


@given(FEEDS, st.integers(0, 10**6), st.integers(0, 11), arrow_columns(5), DELAYS, st.booleans())
@settings(max_examples=400)
def test_typed_columns(
    feed: str, seed: int, at: int, column: pa.Array, delay_days: int | None, through_parquet: bool
) -> None:
    contract = CONTRACTS[feed]
    table = pa.Table.from_pylist(dirty_rows(feed, seed, []))
    name = contract.fields[at % len(contract.fields)].surface
    table = table.set_column(table.column_names.index(name), name, column)
    if through_parquet:
        with tempfile.TemporaryDirectory() as folder:
            try:
                pq.write_table(table, Path(folder) / "delivery.parquet")
            except (pa.ArrowException, OSError):
                return  # Parquet has no such type, so no delivery either.
            table = pq.read_table(Path(folder) / "delivery.parquet")
            taken = take_in(feed, Path(folder) / "delivery.parquet", delay_days=delay_days)
    else:
        taken = take_in(feed, table, delay_days=delay_days)
    try:
        rows = table.to_pylist()
    except (OverflowError, ValueError):
        # Python has no such day; whoever asks gets a defect, and every row is accounted for.
        assert taken.rows_in == 5
        return
    check_against_parse_row(taken, contract, rows, delay_days)


@given(st.sampled_from(TIGHT), arrow_columns(4))
@settings(max_examples=1500)
def test_what_a_column_settles_is_what_one_value_gives(field: Field, column: pa.Array) -> None:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values, settled = field.parse_column(column)
    for row in np.flatnonzero(settled.to_numpy(zero_copy_only=False)).tolist():
        assert values[row].as_py() == field.parse_cell(column[row].as_py())


MONEY = Money(name="m", zh="钱", en="money")
COUNT = Count(name="c", zh="数", en="count", maximum=1000)


@pytest.mark.parametrize(
    ("field", "surface", "stored"),
    [
        (MONEY, "12000", 1_200_000),
        (MONEY, "0.1", 10),
        (MONEY, "007.50", 750),
        (MONEY, 0.1, 10),
        (MONEY, 9999999.99, 999_999_999),
        (MONEY, -0.0, 0),
        (MONEY, 10_000_000, 1_000_000_000),
        (COUNT, "007", 7),
        (COUNT, 5.0, 5),
        (Date(name="d", zh="日", en="day"), "2024-02-29", dt.date(2024, 2, 29)),
        (Flag(name="f", zh="旗", en="flag"), "0", False),
        (Identifier(name="i", zh="号", en="key"), "0001", "0001"),
    ],
)
def test_accepted_values(field: Field, surface: object, stored: object) -> None:
    assert field.parse(surface) == stored
    assert type(field.parse(surface)) is type(stored)


@pytest.mark.parametrize(
    ("field", "surface", "code"),
    [
        *(
            (MONEY, text, "not_a_number")
            for text in (" 12000 ", "1_000", "1,000", "0x10", "１２０００", "1e3")
        ),
        *((MONEY, text, "not_a_number") for text in ("NaN", "inf", "+5", "5.", ".5", "12.345", "5\n")),
        *((MONEY, one, "not_a_number") for one in (True, float("inf"), b"12", [1])),
        *((MONEY, one, "out_of_range") for one in (-1, "-0.01", "10000000.01", 10**30, 10**400, 1e300)),
        *((MONEY, one, "too_precise") for one in (0.005, 12.345, 1e-320)),
        *((MONEY, one, "missing") for one in (None, "", float("nan"), pd.NaT, pd.NA)),
        *((COUNT, one, "not_a_number") for one in ("1.5", 1.5, True, "", "1e2", "٣")[:3]),
        *((COUNT, one, "out_of_range") for one in (-1, 1001, "1001", 10**400)),
        (Date(name="d", zh="日", en="day"), "2024-02-30", "not_a_date"),
        (Date(name="d", zh="日", en="day"), "2024-2-3", "not_a_date"),
        (Date(name="d", zh="日", en="day"), dt.datetime(2024, 2, 3, 12), "not_a_date"),
        (Date(name="d", zh="日", en="day"), "1899-12-31", "out_of_range"),
        *(
            (Identifier(name="i", zh="号", en="key"), one, "malformed")
            for one in ("a,", "a\n", "a\x00", " a", "é")
        ),
        (Identifier(name="i", zh="号", en="key"), 500299001001, "not_text"),
        (Flag(name="f", zh="旗", en="flag"), 1, "not_a_flag"),
        (CONTRACTS["income"].field("source"), "Wages", "unknown_category"),
    ],
)
def test_refused_values(field: Field, surface: object, code: str) -> None:
    with pytest.raises(Defect) as refused:
        field.parse(surface)
    assert refused.value.code == code


def test_the_pools_are_hostile_to_every_kind() -> None:
    """Each pool has values that some field takes and values that it refuses."""
    for pool in (TEXTS, FLOATS, INTEGERS):
        outcomes = set()
        for value in pool:
            try:
                MONEY.parse(value)
                outcomes.add("taken")
            except Defect:
                outcomes.add("refused")
        assert outcomes == {"taken", "refused"}
