"""The generated readers of requests against `Contract.parse_row`, which is the authority."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import pytest

from features.engines.row import stored_row
from features.signals import REQUEST_FEEDS, Contract
from features.signals.reading import compile_reader

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


def authority(contract: Contract, row: dict[str, Any]) -> dict[str, Any] | None:
    parsed = contract.parse_row({**row, "household_id": KEY}, is_json=True)
    return None if isinstance(parsed, list) else stored_row(parsed)


@pytest.mark.parametrize("feed", REQUEST_FEEDS)
def test_a_reader_takes_what_the_contract_takes_and_nothing_else(feed: str) -> None:
    contract = REQUEST_FEEDS[feed]
    read = compile_reader(contract)
    rng = random.Random(feed)
    taken = 0
    for _ in range(150):
        row = as_json({**contract.generate(rng), "household_id": KEY})
        if rng.random() < 0.5:
            del row["household_id"]
        found = read(row, KEY)
        # A row that nothing is wrong with is the reader's to take, and not left to the slow way.
        assert found is not None
        wanted = authority(contract, row)
        assert wanted is not None
        assert list(found.items()) == list(wanted.items())
        assert [type(one) for one in found.values()] == [type(one) for one in wanted.values()]
        for field in contract.fields:
            if field.name == "household_id":
                continue
            changed = {**row, field.surface: rng.choice(STRANGE)}
            made = read(changed, KEY)
            if made is not None:
                taken += 1
                assert list(made.items()) == list((authority(contract, changed) or {}).items())
    assert taken > 10


@pytest.mark.parametrize(
    "row", [None, [], "row", 7, {"household_id": "other"}, {"household_id": None}, {"new": 1}]
)
def test_what_is_no_row_is_left_to_the_contract(row: Any) -> None:
    assert compile_reader(REQUEST_FEEDS["income"])(row, KEY) is None
