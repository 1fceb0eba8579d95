"""What is exported of casework: what was recorded by a day, and the same whenever it is asked for."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from serving.cases.plan_form import read_delivery
from serving.cases.visit import read_visit
from serving.errors import AccessError
from serving.outcomes.commands import PROVENANCE, export
from serving.outcomes.tables import gather_outcomes
from serving.storage.audit_actions import Action
from serving.storage.leads import LeadStore
from tests.serving.casework.county import CADRE, COUNTY, VILLAGE, CountyOffice, visit_document
from tests.serving.casework.test_elimination import help_once
from tests.serving.leads.conftest import a_lead
from tests.serving.readers import AUDIT_KEY

UNTIL = dt.date(2026, 3, 20)


def tables(office: CountyOffice) -> dict[str, Any]:
    with office.engine.connect() as connection:
        made = gather_outcomes(connection, UNTIL)
    return {name: table.to_pylist() for name, table in made.tables.items()}


def test_what_is_not_logged_is_not_exported(
    office: CountyOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "audit-key"
    key.write_text(AUDIT_KEY.hex(), encoding="ascii")
    database = office.engine.url.render_as_string(hide_password=False)
    out = tmp_path / "out"

    def fail(*_: Any) -> None:
        raise AccessError("changed")

    with monkeypatch.context() as patch:
        patch.setattr("serving.storage.AuditLog.append", fail)
        with pytest.raises(AccessError):
            export(out, str(UNTIL), database, audit_key_file=key)
    assert not out.exists()
    export(out, str(UNTIL), database, audit_key_file=key)
    (entry,) = office.audit.search(action=Action.OUTCOMES_EXPORTED)
    assert entry.subject == hashlib.sha256((out / PROVENANCE).read_bytes()).hexdigest()
    told = json.loads((out / PROVENANCE).read_bytes())["sha256"]
    found = {one.stem: hashlib.sha256(one.read_bytes()).hexdigest() for one in out.glob("*.parquet")}
    assert (told, len(found) > 0) == (found, True)


def test_what_is_handed_in_later_is_in_no_export_of_before(office: CountyOffice) -> None:
    leads = LeadStore(office.engine, office.audit, office.cases, now=office.now)
    office.on(dt.date(2026, 3, 2))
    told: dict[str, Any] = {
        "village": VILLAGE,
        "occurred_on": dt.date(2026, 3, 1),
        "known_on": dt.date(2026, 3, 2),
    }
    leads.add(
        COUNTY, [a_lead("grid_report", source="a1", facts={"cause": "01"}, **told)], on=office.cases.today
    )
    case = office.cases.find_of_household(COUNTY, "H1")
    assert case is not None
    office.identify(case)
    office.visit("H1", finding="difficulty", causes=["01"])
    # One second before midnight in China is that day, whatever day it is in London.
    office.clock = dt.datetime(2026, 3, 20, 15, 59, 59, tzinfo=dt.UTC)
    office.visit("H1")
    before = tables(office)
    assert [len(before[one]) for one in ("outcomes", "visits", "helped")] == [1, 2, 0]
    assert before["outcomes"][0]["found_by"] == "sweep"

    office.clock += dt.timedelta(seconds=1)
    office.visits.record(
        CADRE, CADRE.key_id, "H1",
        read_visit(visit_document(UNTIL, finding="not_met"), "H1", office.cases.today),
    )  # fmt: skip
    help_once(office, case)
    (measure,) = office.plans.find(CADRE, case.id).measures  # type: ignore[union-attr]
    late = {"submission_key": "late-delivery-of-it", "delivered_on": str(UNTIL), "amount_yuan": 1}
    form = read_delivery({**late, "is_above_plan": True}, measure.entry, office.cases.today)
    office.plans.deliver(CADRE, CADRE.key_id, case.id, measure.id, form)
    own = a_lead(
        "own_declaration", source="a1", facts={"cause": "01"}, **{**told, "known_on": told["occurred_on"]}
    )
    leads.add(COUNTY, [own], on=office.cases.today)
    assert tables(office) == before
