"""The panel of a case: what a step's form begins with, and what it is told in."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
from fastapi.templating import Jinja2Templates

from serving import console
from serving.cases.case import Case
from serving.cases.lead_code import Department
from serving.cases.moves import MOVES
from serving.cases.state import CaseState
from serving.console.case_panel import _field, _source_text, read_facts_of
from serving.console.texts import texts

TODAY = dt.date(2026, 11, 2)
APPROVE = MOVES["approve"]


def case_of(*causes: str) -> Case:
    return Case(
        "c1", "H1", "500999100201", CaseState.APPROVING, 4, "default", TODAY, TODAY, 1, "illness", False, None,
        causes, "county_official", dt.datetime(2026, 11, 2, tzinfo=dt.UTC),
    )  # fmt: skip


@pytest.mark.parametrize("causes", [(), ("01",), ("99", "01", "07", "02")])
def test_a_form_that_is_only_pressed_keeps_the_causes(causes: tuple[str, ...]) -> None:
    (fact,) = (one for one in APPROVE.facts if one.name == "causes")
    made = _field(fact, case_of(*causes), TODAY, "zh")
    folder = Jinja2Templates(Path(console.__file__).parent / "templates")
    template = folder.env.from_string(
        '{% from "case_panel.html" import fact_field with context %}{{ fact_field(one) }}'
    )
    html = template.render(one=SimpleNamespace(**made), t=texts("zh"))
    # As a browser sends it: what is selected, and what is checked.
    selected = re.findall(r'<option value="([^"]+)" selected>', html)
    checked = re.findall(r'<input type="checkbox" name="([^"]+)" value="([^"]+)" checked>', html)
    sent = "&".join([
        *(f"{made['name']}={one}" for one in selected),
        *(f"{name}={one}" for name, one in checked),
    ])
    given = parse_qs(sent)
    form = SimpleNamespace(find=lambda name: given.get(name, [None])[0], all=lambda name: given.get(name, []))
    kept = read_facts_of(APPROVE, form).get("causes", [])  # type: ignore[arg-type]
    # The main one is the first, the others have no order.
    assert (kept[:1], sorted(kept)) == (list(causes[:1]), sorted(causes))
    assert ("<details open>" in html) == (len(causes) > 1)


@pytest.mark.parametrize("one", list(Department))
def test_departments_are_told_by_name(one: Department) -> None:
    assert _source_text(one.value, "zh") == one.zh
    assert _source_text(one.value, "en") == one.en
    # A caller's key says nothing to whoever reads the page.
    assert _source_text("k00000000000", "zh") is None
