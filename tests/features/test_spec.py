"""The tables of `features.language.spec` hold on both engines."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa
import pytest

from features import CONTRACTS, RowEngine, Signals, build_vectors
from features.engines.row import stored_row
from features.language import View
from features.language.spec import SPECS, Spec
from features.signals import complete
from tests.features.definitions import as_feature


def stored(spec: Spec, record: str) -> dict[str, Any]:
    """A row of the spec's feed from its line; what the line does not say is zero or plain."""
    cells = [None if cell == "-" else cell for cell in record.split()]
    row: dict[str, Any] = {
        "household_id": "H",
        "member_id": "M",
        "source": "wages",
        "amount_yuan": cells[2],
        "cost_yuan": 0,
        "work": "local",
        "monthly_wage_yuan": 0,
        "ended_on": cells[2],
        "labour": "none",
        "disability_grade": 0,
        "has_chronic_illness": False,
        "school": "none",
        "born_on": cells[-1] or "2000-01-01",
        "occurred_on": cells[0],
        "known_on": cells[1],
        "ended_known_on": (*cells, None)[3],
    }
    contract = CONTRACTS[spec.feed]
    parsed = contract.parse_row({one.surface: row.get(one.surface) for one in contract.fields})
    assert isinstance(parsed, dict), parsed
    return parsed


@pytest.mark.parametrize("spec", SPECS, ids=[one.says for one in SPECS])
def test_spec(spec: Spec) -> None:
    as_of = dt.date.fromisoformat(spec.as_of)
    feature = as_feature("asked", spec.ask(View(CONTRACTS[spec.feed])), int(spec.money))
    register = CONTRACTS["household"].generate(random.Random(1)) | {
        "household_id": "H",
        "occurred_on": dt.date(2019, 1, 1),
        "known_on": dt.date(2019, 1, 1),
        "ended_on": None,
        "ended_known_on": None,
        "village_code": "500299001001",
    }
    household = CONTRACTS["household"].parse_row(register)
    assert isinstance(household, dict)
    rows = {"household": [household], spec.feed: [stored(spec, record) for record in spec.records]}
    coverage = complete(CONTRACTS, "50", dt.date(2015, 1, 1), dt.date(2027, 1, 1))
    tables = {feed: pa.Table.from_pylist(mine, schema=CONTRACTS[feed].schema) for feed, mine in rows.items()}
    frame = build_vectors(Signals(tables, coverage), [as_of], features=[feature])
    by_sql = frame["asked"].iloc[0]
    by_row = RowEngine([feature]).vector(
        {feed: [stored_row(row) for row in mine] for feed, mine in rows.items()}, as_of, coverage
    )
    if spec.answer is None:
        assert by_row == [None]
        assert by_sql != by_sql
    else:
        assert by_row == [spec.answer]
        assert by_sql == spec.answer
