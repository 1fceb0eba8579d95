"""A what-if with the small real model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from features import RowEngine
from scoring.assessment import Assessor
from scoring.model import RiskModel
from scoring.what_if import Choice, WhatIf, make_plan, what_if
from tests.scoring.what_if.cases import AS_OF, COVERAGE, REGION, Case, Rows

Ask = Callable[[Rows, Iterable[Choice]], WhatIf]


@pytest.fixture(scope="session")
def ask(model: RiskModel) -> Ask:
    """Work a plan out for the rows of one household."""
    assessor = Assessor(model, REGION)
    engine = RowEngine(assessor.features, REGION)

    def work_out(rows: Rows, choices: Iterable[Choice]) -> WhatIf:
        plan = make_plan(choices, AS_OF, REGION)
        return what_if(assessor, engine, "H", rows, AS_OF, COVERAGE, plan)

    return work_out


@pytest.fixture(scope="session")
def answer_of(ask: Ask) -> Callable[[Case], WhatIf]:
    """The what-if of a case."""
    return lambda case: ask(case.rows, case.choices)
