"""Reference income: worked out by hand, traced line by line, and the same number as the feature."""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, RowEngine, Signals
from features.dates import from_day
from features.definitions import FEATURES
from features.engines.row import stored_row
from features.errors import ContractError
from features.policy import policy_value
from features.reference_income import PARTS, work_out
from features.signals import complete
from tests.features.worlds import AS_OF_DATES, REGION, make_world

AS_OF = dt.date(2026, 6, 30)
COVERAGE = complete(CONTRACTS, "50", dt.date(2020, 1, 1), AS_OF)
FEATURE = "account_reference_income_per_person_yuan_12m"


def stored(feed: str, **values: object) -> dict[str, Any]:
    row = CONTRACTS[feed].generate(random.Random(1)) | {"household_id": "H"} | values
    parsed = CONTRACTS[feed].parse_row(row)
    assert isinstance(parsed, dict), parsed
    return stored_row(parsed)


def household(*lines: tuple[str, float, str, str], members: int = 3) -> dict[str, list[dict[str, Any]]]:
    open_spell = {
        "occurred_on": "2020-01-01",
        "known_on": "2020-01-01",
        "ended_on": None,
        "ended_known_on": None,
    }
    return {
        "household": [stored("household", village_code="500299001001", **open_spell)],
        "member": [stored("member", member_id=f"M{one}", **open_spell) for one in range(members)],
        "account": [
            stored("account", line=line, amount_yuan=yuan, occurred_on=occurred, known_on=known)
            for line, yuan, occurred, known in lines
        ],
    }


WUSHAN = (
    ("wages_migrant", 42_000, "2025-12-31", "2026-06-20"),
    ("crops", 9_000, "2025-10-15", "2026-06-20"),
    ("cost_crops", 3_500.50, "2025-08-01", "2026-06-20"),
    ("dibao", 490, "2026-05-31", "2026-06-20"),
    ("land_transfer", 800, "2026-01-10", "2026-06-20"),
    ("payout_medical", 28_000, "2026-03-01", "2026-06-20"),
    ("self_paid_medical", 22_000, "2026-02-20", "2026-06-20"),
    ("gifts", 5_000, "2026-02-01", "2026-06-20"),
    ("house_building", 60_000, "2026-01-01", "2026-06-20"),
    # Before the window, after the date, and not known yet.
    ("wages_local", 7_777, "2025-06-30", "2026-06-20"),
    ("wages_local", 7_777, "2026-07-01", "2026-07-01"),
    ("wages_local", 7_777, "2026-06-01", "2026-07-01"),
)


def test_worked_out_by_hand() -> None:
    found = work_out(household(*WUSHAN), AS_OF, COVERAGE)
    # 42,000 + 9,000 + 490 + 800 − 3,500.50 + 28,000 − 22,000, for three.
    assert found.total_fen == 5_478_950
    assert found.members == 3
    assert found.per_person_yuan == 5_478_950 / 3 / 100
    assert found.part_fen == {
        "wages": 4_200_000, "business": 900_000, "property": 80_000, "transfers": 49_000, "costs": 350_050,
        "payouts": 2_800_000, "self_paid": 2_200_000, "not_counted": 6_500_000,
    }  # fmt: skip
    assert len(found.lines) == 9
    first = found.lines[0]
    assert (first.line, first.occurred_on, first.part) == ("cost_crops", dt.date(2025, 8, 1), "costs")
    assert first.counted_fen == -350_050


def test_example_of_the_rules() -> None:
    """Income 80,400 and 50,000 out of pocket: four people are under the line of 8,700 (DOMAIN §2)."""
    lines = (
        ("wages_migrant", 80_400, "2026-01-31", "2026-06-01"),
        ("self_paid_medical", 50_000, "2026-02-01", "2026-06-01"),
    )
    assert work_out(household(*lines, members=4), AS_OF, COVERAGE).per_person_yuan == 7_600


def test_without_an_account_or_members_there_is_no_number() -> None:
    nothing = work_out(household(), AS_OF, COVERAGE)
    assert nothing.per_person_yuan is None
    line = policy_value("monitoring_line", REGION, AS_OF)
    assert nothing.as_json(line)["total_yuan"] is None
    assert "no line of an account" in nothing.sentence(line)
    assert "0.00" not in nothing.sentence(line)
    assert work_out(household(*WUSHAN, members=0), AS_OF, COVERAGE).per_person_yuan is None
    with pytest.raises(ContractError, match="no household record is open"):
        work_out({"account": []}, AS_OF, COVERAGE)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), as_of=st.sampled_from(AS_OF_DATES))
def test_the_feature_is_the_same_number(seed: int, as_of: dt.date) -> None:
    world = make_world(seed, as_of)
    engine = RowEngine([FEATURES[FEATURE]], REGION)
    coverage = complete(CONTRACTS, "50", dt.date(2015, 1, 1), as_of)
    for household_id in world.rows:
        rows = world.of_household(household_id)
        try:
            (value,) = engine.vector(rows, as_of, coverage)
        except ContractError:
            continue
        found = work_out(rows, as_of, coverage, REGION)
        if value is None:
            assert found.per_person_yuan is None
        else:
            assert found.per_person_yuan == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert sum(sign * found.part_fen[part] for part, (sign, _) in PARTS.items()) == found.total_fen


def test_every_line_of_the_account_is_in_one_part() -> None:
    lines = [line for _, some in PARTS.values() for line in some]
    field = CONTRACTS["account"].field("line")
    assert sorted(lines) == sorted(field.categories)  # type: ignore[attr-defined]


def test_the_command_traces_it(tmp_path: Path) -> None:
    tables = {}
    for feed, rows in household(*WUSHAN).items():
        dated = [
            {
                name: from_day(value) if name.endswith("_on") and value is not None else value
                for name, value in row.items()
            }
            for row in rows
        ]
        tables[feed] = pa.Table.from_pylist(dated, schema=CONTRACTS[feed].schema)
    Signals(tables, COVERAGE).save(tmp_path)
    command = [sys.executable, "-m", "features", "account", "--signals", str(tmp_path), "--as-of", str(AS_OF)]
    done = subprocess.run(
        [*command, "--household", "H", "--json"], check=True, capture_output=True, text=True
    )
    said = json.loads(done.stdout)
    assert said["total_yuan"] == 54_789.5
    assert said["members"] == 3
    assert sum(one["counted_yuan"] for one in said["lines"]) == said["total_yuan"]
    words = subprocess.run([*command, "--household", "H"], check=True, capture_output=True, text=True).stdout
    assert "18,263.17 yuan per person" in words
    assert "(assumption)" in words
    absent = subprocess.run([*command, "--household", "H9"], check=False, capture_output=True, text=True)
    assert absent.returncode == 2
    assert "H9" not in absent.stderr
