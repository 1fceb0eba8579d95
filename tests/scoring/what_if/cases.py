"""The three 一户一策 cases (DOMAIN §1) as households and plans.

Published are the measures and what they paid. Everything else of a household – members, income, the rest of
its spending – is invented, so that there is something to work out; so are the amounts that the catalogue
marks as assumptions. docs/explanation/what-if.md tells the same cases.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from features import CONTRACTS, Coverage
from features.engines.row import stored_row
from features.signals import complete
from scoring.what_if import Choice

AS_OF = dt.date(2025, 6, 30)
REGION = "CN-50"
COVERAGE: Coverage = complete(CONTRACTS, "50", dt.date(2020, 1, 1), AS_OF)

Rows = dict[str, list[dict[str, Any]]]

_OPEN = {"occurred_on": "2020-01-01", "known_on": "2020-01-01", "ended_on": None, "ended_known_on": None}
_VISIT = {"occurred_on": "2025-05-31", "known_on": "2025-06-20"}


def row(feed: str, **values: object) -> dict[str, Any]:
    """One stored row; what is not said is made up, the same every time."""
    parsed = CONTRACTS[feed].parse_row(
        CONTRACTS[feed].generate(random.Random(1)) | {"household_id": "H"} | values
    )
    assert isinstance(parsed, dict), parsed
    return stored_row(parsed)


def member(number: int, labour: str = "ordinary", born: str = "1980-05-01", **said: object) -> dict[str, Any]:
    return row("member", member_id=f"M{number}", labour=labour, born_on=born, **_OPEN, **said)


def account(**lines: float) -> list[dict[str, Any]]:
    return [row("account", line=line, amount_yuan=yuan, **_VISIT) for line, yuan in lines.items()]


def claim(self_paid: float, occurred: str = "2025-03-10") -> dict[str, Any]:
    return row(
        "illness", member_id="M1", care="inpatient", is_serious_disease=True, total_yuan=self_paid,
        reimbursed_yuan=0, self_paid_yuan=self_paid, occurred_on=occurred, known_on="2025-05-20",
    )  # fmt: skip


def registered(*members: dict[str, Any]) -> Rows:
    return {"household": [row("household", village_code="500237001001", **_OPEN)], "member": list(members)}


@dataclass(frozen=True)
class Case:
    """A household with its plan."""

    name: str
    rows: Rows
    choices: tuple[Choice, ...]


WUSHAN = Case(
    "巫山",
    registered(member(1), member(2, "weak"), member(3, "none", "2012-03-01"))
    | {
        "account": account(wages_migrant=24_000, crops=6_000, cost_crops=2_500, self_paid_medical=52_000),
        "illness": [claim(52_000)],
    },
    (
        Choice("premium_subsidy"),
        Choice("medical_assistance"),
        Choice("reimbursement"),
        Choice("temporary_relief"),
        Choice("dibao"),
    ),
)

CHENGKOU = Case(
    "城口",
    registered(
        member(1),
        member(2),
        member(3, "none", "1950-01-01"),
        member(4, "none", "2012-03-01", school="compulsory"),
        member(5, "none", "2014-09-01", school="compulsory"),
    )
    | {
        # No visit has worked out an account: the departments' data are the ground.
        "income": [
            row("income", source="wages", amount_yuan=20_000, cost_yuan=0, occurred_on="2025-01-31", known_on="2025-02-20"),
            row("income", source="business", amount_yuan=9_000, cost_yuan=4_000, occurred_on="2024-10-31", known_on="2024-11-20"),
        ],
        "illness": [claim(48_000)],
        "schooling": [
            row(
                "schooling", member_id=pupil, stage="compulsory", cost_yuan=150, aid_yuan=0, is_dropped_out=False,
                occurred_on=term, known_on=term,
            )
            for pupil in ("M4", "M5")
            for term in ("2024-09-01", "2025-03-01")
        ],
    },
    (
        # "More than 40,000 reimbursed": the least that says.
        Choice("reimbursement", amount_fen=4_000_000),
        Choice("term_allowance", persons=2),
        Choice("public_welfare_post"),
    ),
)  # fmt: skip

NANCHUAN = Case(
    "南川",
    registered(member(1, "none", "1951-01-01", disability_grade=2))
    | {
        "account": account(tekun=5_040, farm_forest_subsidies=300, self_paid_medical=1_200),
        "assistance": [row("assistance", kind="tekun", monthly_yuan=420, **_OPEN)],
    },
    (Choice("tekun"), Choice("disability_allowance")),
)

CASES = (WUSHAN, CHENGKOU, NANCHUAN)
