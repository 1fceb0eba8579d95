"""Erasing a household reaches what casework has of it, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from serving.cases.correction import CorrectionState
from serving.identity.case_erasure import NAMING, count_casework, remove_casework, rename_casework
from serving.storage.case_tables import case_lead, household_grid, rescored_assessment
from serving.storage.rescored import save_rescored_in
from serving.storage.tables import METADATA, assessment
from tests.serving.casework.county import (
    FIRM,
    TOWN,
    TOWN_ID,
    VILLAGE,
    CountyOffice,
    silent_statement,
    statement,
)
from tests.serving.casework.test_elimination import helped_case
from tests.serving.casework.test_relapse_watch import add_lead
from tests.serving.casework.test_visits import list_household

DAY = dt.date(2026, 3, 20)


@pytest.fixture
def worked(database_url: str) -> Any:
    """Two households with everything that casework can have of one."""
    office = CountyOffice(database_url)
    office.assessments.save_release("m", "0" * 64, 12)
    for at, key in enumerate(("H-GONE", "H-STAYS")):
        case = helped_case(office, key)
        office.assessments.save([statement(key, DAY)], [VILLAGE])
        office.assessments.save([silent_statement(key, DAY + dt.timedelta(days=1))], [VILLAGE])
        row = {"occurred_on": "2026-03-01", "item": "water", "answer": "no"}
        office.visit(key, guarantees=FIRM, corrections=[{"feed": "guarantee", "row": row}])
        (waiting,) = office.corrections.list(TOWN, CorrectionState.PROPOSED).items
        office.corrections.review(TOWN, TOWN_ID, waiting.id, refusal=None)
        if at == 0:
            add_lead(office, case)
        list_household(office, key, "score", made_on=DAY + dt.timedelta(days=at))
        with office.cases.writer.begin() as connection:
            save_rescored_in(connection, statement(key, DAY), VILLAGE, waiting.id, office.now())
            connection.execute(
                household_grid.insert().values(household_id=key, village_code=VILLAGE, grid="1")
            )
    with office.cases.writer.begin() as connection:
        # Assessments of runs are erased with the household, and not with its casework.
        connection.execute(assessment.delete())
    yield office
    office.close()


def everything(office: CountyOffice) -> dict[str, list[Any]]:
    with office.engine.connect() as connection:
        return {table.name: list(connection.execute(select(table)).all()) for table in METADATA.sorted_tables}


def test_every_table_that_names_a_household_is_known() -> None:
    by_others = {"assessment", "identity"}
    assert {one.name for one in METADATA.sorted_tables if "household_id" in one.c} == {
        *by_others, *(one.name for one in NAMING),
    }  # fmt: skip


@pytest.mark.parametrize("is_removed", [True, False])
def test_nothing_names_an_erased_household(worked: CountyOffice, is_removed: bool) -> None:
    before = everything(worked)
    with worked.cases.writer.begin() as connection:
        assert count_casework(connection, "H-GONE") >= len(NAMING)
        kept = count_casework(connection, "H-STAYS")
        if is_removed:
            remove_casework(connection, "H-GONE")
        else:
            rename_casework(connection, "H-GONE", "E-1")
        assert count_casework(connection, "H-GONE") == 0
        assert count_casework(connection, "H-STAYS") == kept
    after = everything(worked)
    assert "H-GONE" not in str(after)
    assert str(after).count("H-STAYS") == str(before).count("H-STAYS")
    assert {one.id for one in after["case_lead"]} == (set() if is_removed else {"1" * 32})
    if not is_removed:
        assert {name: len(rows) for name, rows in after.items()} == {
            name: len(rows) for name, rows in before.items()
        }
    assert case_lead.name in after
    assert rescored_assessment.name in after
