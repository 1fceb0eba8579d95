"""Commands about cases: what an operator is told, in words and as JSON, and that the reading is logged."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access import Role
from serving.access.audit_key import load_audit_key
from serving.cases.diagram import diagram
from serving.settings import Settings
from serving.storage import AuditLog
from serving.storage.case_tables import case_lead
from serving.storage.cases import CaseStore
from tests.serving.cases.towns import Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Cases in two villages, opened so long ago that they are overdue, under the key that commands find."""
    url = f"sqlite:///{tmp_path}/s.db"
    made = Town(url)
    made.audit = AuditLog(made.engine, load_audit_key(Settings(Path(), url).audit_key_path, is_begun=False))
    made.store = CaseStore(made.engine, made.audit, made.now)
    made.clock = made.clock.replace(year=2025, month=3)
    made.open("H1")
    made.open("H2", village="500230100201")
    made.move(made.open("H3"), Role.TOWNSHIP_OFFICIAL, "exclude", reason="declined")
    return made


def told(town: Town, *given: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["cases", *given, "--database", str(town.engine.url), "--json"])
    assert result.exit_code == 0, result.output
    made: dict[str, Any] = json.loads(result.stdout)
    return made


def test_cases_are_listed(town: Town) -> None:
    every = told(town, "list")
    assert every["total"] == 3
    assert {one["household_id"] for one in every["cases"]} == {"H1", "H2", "H3"}
    assert {one["household_id"] for one in told(town, "list", "--state", "excluded")["cases"]} == {"H3"}
    assert {one["household_id"] for one in told(town, "list", "--area", "500230")["cases"]} == {"H2"}
    assert told(town, "list", "--limit", "1")["total"] == 3
    assert {one.action for one in town.audit.search(key_id="operator")} == {"household_listed"}
    assert town.audit.verify().faults == ()


def test_what_is_overdue_is_told_to_the_highest_level_by_now(town: Town) -> None:
    found = told(town, "overdue")["cases"]
    assert {one["household_id"] for one in found} == {"H1", "H2", "H3"}
    assert all(one["days_left"] < 0 and one["escalated_to"] == "province_official" for one in found)


def test_resolved_cases_with_something_new_are_told(town: Town) -> None:
    assert told(town, "relapses") == {"total": 0, "cases": []}
    quiet, back = (town.resolve(town.identify(town.open(key))) for key in ("H8", "H9"))
    # Nothing came since either was closed.
    assert told(town, "relapses") == {"total": 0, "cases": []}
    assert back.closed_on is not None
    day = back.closed_on + dt.timedelta(days=3)
    values: dict[str, Any] = {
        "id": "1" * 32, "case_id": back.id, "household_id": "H9", "village_code": back.village_code,
        "channel": "department", "source": "ybj", "code": "medical_self_paid", "theme": "illness",
        "occurred_on": day, "known_on": day, "received_at": town.now(), "facts": {}, "is_hard": 1,
        "event_key": "e", "dedup_key": "d",
    }  # fmt: skip
    with town.store.writer.begin() as connection:
        connection.execute(case_lead.insert().values(values))
    (one,) = told(town, "relapses")["cases"]
    assert (one["case_id"], one["signs"], one["new_leads"]) == (back.id, ["new_leads"], 1)
    assert one["case_id"] != quiet.id
    assert told(town, "relapses", "--area", "500230") == {"total": 0, "cases": []}
    shown = CliRunner().invoke(app, ["cases", "relapses", "--database", str(town.engine.url)])
    assert "1 resolved cases" in shown.stdout
    assert "H9" in shown.stdout


def test_a_table_for_people(town: Town) -> None:
    result = CliRunner().invoke(app, ["cases", "overdue", "--database", str(town.engine.url)])
    assert result.exit_code == 0
    assert "3 cases" in result.stdout


def test_the_diagram_is_written_into_a_page(tmp_path: Path) -> None:
    drawn = CliRunner().invoke(app, ["cases", "diagram"])
    assert drawn.stdout.rstrip("\n") == diagram()
    assert json.loads(CliRunner().invoke(app, ["cases", "diagram", "--json"]).stdout) == {
        "mermaid": diagram()
    }
    page = tmp_path / "cases.md"
    source = Path(__file__).parents[3] / "docs" / "explanation" / "cases.md"
    page.write_text(source.read_text(encoding="utf-8").replace("发出预警", "旧"), encoding="utf-8")
    assert CliRunner().invoke(app, ["cases", "diagram", "--write", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8") == source.read_text(encoding="utf-8")
