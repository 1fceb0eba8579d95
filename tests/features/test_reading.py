"""The generated readers of requests against `Contract.parse_row`, which is the authority."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any, NamedTuple

import pytest

from features.engines.row import RowEngine, stored_row
from features.errors import ContractError
from features.signals import REQUEST_FEEDS, Contract, Coverage, Delivery, reading
from features.signals.reading import ReadRows, compile_reader, compile_readers
from features.signals.rules import BothOrNeither

KEY = "500-H_1"
STRANGE: list[Any] = [
    None, "", " ", "x", "1", "true", True, False, 0, 1, -1, 2, 3.0, 2.5, 0.1 + 0.2, 12.345, 1e11, -0.0, 1e300, 5e-324,
    2**63 - 1, -(2**63), 10_000_000, 10_000_000.01, 9_999_999.99, [], {}, [1], "2026-02-30", "2026-2-3", "1899-12-31", "1900-01-01",
    "2100-12-31", "2101-01-01", "2026-01-01T00:00:00", "２０２６-01-01", "none", "é", "a" * 65, "2024-02-29", "20260101",
]  # fmt: skip


def as_json(row: dict[str, object]) -> dict[str, Any]:
    """A row as a request brings it."""
    text = json.dumps(row, default=lambda one: one.isoformat() if isinstance(one, dt.date) else str(one))
    made: dict[str, Any] = json.loads(text)
    return made


def read_with(contract: Contract, rows: Any) -> list[dict[str, Any]] | None:
    """What the contract's reader makes of rows, by names."""
    made = compile_reader(contract)(rows, KEY)
    return None if made is None else ReadRows({"feed": contract}, {"feed": made})["feed"]


def authority(contract: Contract, row: dict[str, Any]) -> dict[str, Any] | None:
    parsed = contract.parse_row({**row, "household_id": KEY}, is_json=True)
    return None if isinstance(parsed, list) else stored_row(parsed)


@pytest.mark.parametrize("feed", REQUEST_FEEDS)
def test_a_reader_takes_what_the_contract_takes_and_nothing_else(feed: str) -> None:
    contract = REQUEST_FEEDS[feed]
    rng = random.Random(feed)
    taken = 0
    for _ in range(150):
        row = as_json({**contract.generate(rng), "household_id": KEY})
        if rng.random() < 0.5:
            del row["household_id"]
        # A row that nothing is wrong with is the reader's to take, and not left to the slow way.
        found = (read_with(contract, [row]) or [{}])[0]
        wanted = authority(contract, row)
        assert wanted is not None
        assert list(found.items()) == list(wanted.items())
        assert [type(one) for one in found.values()] == [type(one) for one in wanted.values()]
        for field in contract.fields:
            if field.name == "household_id":
                continue
            changed = {**row, field.surface: rng.choice(STRANGE)}
            made = read_with(contract, [changed])
            if made is not None:
                taken += 1
                wanted = authority(contract, changed)
                assert wanted is not None
                assert repr(made) == repr([wanted])
    assert taken > 10


@pytest.mark.parametrize("feed", REQUEST_FEEDS)
def test_a_feed_is_taken_as_a_whole_or_not_at_all(feed: str) -> None:
    contract = REQUEST_FEEDS[feed]
    read = compile_reader(contract)
    rng = random.Random(feed)
    rows = [as_json(contract.generate(rng)) for _ in range(8)]
    for row in rows:
        row["household_id"] = KEY
    distinct = [row for at, row in enumerate(rows) if row not in rows[:at]]
    assert read_with(contract, distinct) == [authority(contract, row) for row in distinct]
    assert read([], KEY) == []
    assert read([*distinct, {**distinct[0], "is_known_on_estimated": "x"}], KEY) is None
    # The same row twice counts once; who tells it is the request's reader.
    assert read([*distinct, dict(distinct[-1])], KEY) is None


def test_rows_of_one_day_that_differ_are_taken() -> None:
    row = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "line": "wages_local", "amount_yuan": 1}
    read = compile_reader(REQUEST_FEEDS["account"])
    assert read([row, {**row, "amount_yuan": 1.01}, {**row, "known_on": "2026-07-05"}], KEY) is not None
    assert read([row, {**row, "amount_yuan": 1.0}], KEY) is None
    assert read([row, {**row, "is_known_on_estimated": None}], KEY) is None


def test_a_row_that_is_there_twice_is_found_in_any_order() -> None:
    read = compile_reader(REQUEST_FEEDS["account"])
    rows = [
        {"occurred_on": day, "known_on": "2026-07-04", "line": line, "amount_yuan": amount}
        for day, line, amount in [
            ("2026-06-29", "wages_local", 1), ("2026-06-30", "crops", 1), ("2026-06-30", "wages_local", 2),
            ("2026-06-30", "wages_local", 1),
        ]
    ]  # fmt: skip
    for order in permutations(rows):
        assert read(list(order), KEY) is not None
    for again in rows:
        for order in permutations([*rows, again]):
            assert read(list(order), KEY) is None
        assert read([again, again], KEY) is None


@pytest.mark.parametrize("yuan", [
    0.07, 1.13, 4.35, 9_999_999.99, 10_000_000, 10_000_000.0, -0.0, 0.285 * 100, 1e-300,
    *(number / 100 + slip for number in (1, 29, 57, 58, 113, 999_999_999) for slip in (0.0, 1e-9, -1e-9, 2**-40)),
])  # fmt: skip
def test_money_is_read_to_the_fen(yuan: float) -> None:
    contract = REQUEST_FEEDS["account"]
    row = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "line": "wages_local", "amount_yuan": yuan}
    wanted = authority(contract, row)
    assert read_with(contract, [row]) == (None if wanted is None else [wanted])


class Odd(NamedTuple):
    """A rule that nobody has told the readers of."""

    code: str = "odd"
    field: str = "line"
    columns: tuple[str, ...] = ("line",)

    def holds(self, row: Mapping[str, Any]) -> bool:
        return bool(row)

    def holds_for(self, table: Any) -> Any:
        return table


def test_a_rule_of_an_unknown_kind_is_not_passed_over() -> None:
    contract = replace(REQUEST_FEEDS["account"], rules=(Odd(),))
    with pytest.raises(ContractError, match="odd"):
        compile_reader(contract)


def test_a_rule_between_fields_that_may_both_be_absent_is_kept() -> None:
    row = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "grade": "C"}
    read = compile_reader(REQUEST_FEEDS["housing"])
    for ended, told, is_taken in [
        (None, None, True), ("2026-07-01", "2026-07-02", True), ("2026-06-30", "2026-06-01", True),
        ("2026-06-29", "2026-07-02", False), ("2026-07-01", None, False), (None, "2026-07-01", False),
    ]:  # fmt: skip
        changed = {**row, "ended_on": ended, "ended_known_on": told}
        assert (read([changed], KEY) is not None) == is_taken
        assert (authority(REQUEST_FEEDS["housing"], changed) is not None) == is_taken


@pytest.mark.parametrize("absent", ["ended_on", "is_known_on_estimated", "household_id"])
@pytest.mark.parametrize("is_bare", [True, False])
def test_a_rule_between_a_field_that_may_be_absent_and_one_that_may_not(absent: str, is_bare: bool) -> None:
    """No contract has one today: a row without the field breaks it, in few words and in many."""
    contract = replace(REQUEST_FEEDS["housing"], rules=(BothOrNeither("grade_alone", "grade", absent),))
    row = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "grade": "C"}
    made = read_with(contract, [row if is_bare else {**row, "ended_known_on": None}])
    assert made == (None if absent == "ended_on" else [authority(contract, row)])


def test_days_that_were_never_read_are_learnt_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_DAY_NUMBERS", {})
    contract = REQUEST_FEEDS["account"]
    start = dt.date(1990, 1, 1)
    days = [(start + dt.timedelta(days=7 * number)).isoformat() for number in range(1_200)]
    rows = [{"occurred_on": day, "known_on": day, "line": "wages_local", "amount_yuan": 1} for day in days]
    calls: list[str] = []
    number_of = reading._day_number

    def counted(text: str) -> int | None:
        calls.append(text)
        return number_of(text)

    monkeypatch.setattr(reading, "_day_number", counted)
    made = read_with(contract, rows)
    assert made == [authority(contract, row) for row in rows]
    assert sorted(calls) == days
    # What is no day is not learnt, whatever else is there; and a name that is missing is no day.
    for bad in ("2026-02-30", "1899-12-31", "20260101", "x", "", 7, None, True):
        assert read_with(contract, [{**rows[0], "known_on": bad}, rows[1]]) is None
    assert read_with(contract, [rows[0], {"known_on": days[0]}, "row"]) is None
    assert set(reading._DAY_NUMBERS) == set(days)


class _Counted(dict[str, int]):
    """Days that nobody may go through one by one."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all known days were gone through")

    keys = items = values = __iter__  # type: ignore[assignment]


def test_to_learn_days_takes_no_look_at_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all 73,414 known it would cost a millisecond for each row that is at fault."""
    monkeypatch.setattr(reading, "_DAY_NUMBERS", _Counted({"2026-06-30": 20634}))
    contract = REQUEST_FEEDS["declaration"]
    row = {"occurred_on": "2026-06-30", "channel": "self"}
    assert read_with(contract, [row]) is None
    assert read_with(contract, [{**row, "known_on": "2026-07-01"}]) is not None
    assert read_with(contract, [{**row, "known_on": "2026-13-01"}]) is None


def test_rows_by_names_are_a_mapping_of_what_was_read() -> None:
    contract = REQUEST_FEEDS["account"]
    row = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "line": "wages_local", "amount_yuan": 1}
    made = compile_reader(contract)([row], KEY)
    assert made is not None
    rows = ReadRows(REQUEST_FEEDS, {"account": made, "income": []})
    assert rows == {"account": [authority(contract, row)], "income": []}
    assert {**rows, "loan": []} == {"account": [authority(contract, row)], "income": [], "loan": []}
    assert rows.get("loan", ()) == ()
    assert rows["account"] is rows["account"]
    with pytest.raises(KeyError):
        rows["loan"]


@pytest.mark.parametrize("seed", range(12))
def test_the_engine_makes_of_rows_by_place_what_it_makes_of_rows_by_name(seed: int) -> None:
    rng = random.Random(seed)
    home = {"occurred_on": "2015-03-01", "known_on": "2015-03-02", "village_code": "500999100201"}
    given = {"household": [{**home, "background": "formerly_poor", "land_mu": 4}]}
    for feed, contract in REQUEST_FEEDS.items():
        if feed != "household":
            made = [
                as_json({**contract.generate(rng), "household_id": KEY}) for _ in range(rng.choice((0, 1, 4)))
            ]
            given[feed] = [one for at, one in enumerate(made) if one not in made[:at]]
    readers = compile_readers(REQUEST_FEEDS)
    rows = ReadRows(REQUEST_FEEDS, {feed: readers[feed](some, KEY) or [] for feed, some in given.items()})
    assert [*map(len, rows.values_of.values())] == [*map(len, given.values())]
    engine, as_of = RowEngine(), dt.date(2026, 10, 31)
    coverage = Coverage([
        Delivery(feed, "500999", dt.date(2010, 1, 1), as_of, as_of)
        for feed in rng.sample(list(REQUEST_FEEDS), 12)
    ])
    by_name = dict(rows)
    assert engine.village_code(rows, as_of) == engine.village_code(by_name, as_of) == "500999100201"
    assert repr(engine.vector(rows, as_of, coverage)) == repr(engine.vector(by_name, as_of, coverage))
    assert engine.silent_feeds(rows, as_of, coverage) == engine.silent_feeds(by_name, as_of, coverage)
    empty = ReadRows(REQUEST_FEEDS, {})
    with pytest.raises(ContractError, match="household record"):
        engine.vector(empty, as_of, coverage)


@pytest.mark.parametrize(
    "row", [None, [], "row", 7, {}, {"household_id": "other"}, {"household_id": None}, {"new": 1}]
)
def test_what_is_no_row_is_left_to_the_contract(row: Any) -> None:
    whole = {"occurred_on": "2026-06-30", "known_on": "2026-07-04", "line": "wages_local", "amount_yuan": 1}
    read = compile_reader(REQUEST_FEEDS["account"])
    assert read([row], KEY) is None
    if isinstance(row, dict) and row:
        assert read([whole | row], KEY) is None


@pytest.mark.parametrize("rows", [None, {}, "rows", 7, True, {"occurred_on": "2026-06-30"}])
def test_what_are_no_rows_is_left_to_the_request(rows: Any) -> None:
    assert compile_reader(REQUEST_FEEDS["account"])(rows, KEY) is None
