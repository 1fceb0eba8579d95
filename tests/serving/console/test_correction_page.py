"""Reviews of corrections in a real browser: what changes is marked, and a refusal tells why."""

from __future__ import annotations

from typing import Any

import pytest

from serving.access import Caller, Role, Scope
from serving.cases.texts import case_texts
from serving.cases.visit import read_visit
from serving.console.texts import texts
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk, axe
from tests.serving.console.office import HERE, Office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TEXT

pytestmark = pytest.mark.browser

ZH = texts("zh")
FORMER: dict[str, Any] = {
    "occurred_on": "2026-03-14", "member_id": "M1", "care": "inpatient", "total_yuan": 20_000,
    "reimbursed_yuan": 12_000, "self_paid_yuan": 8_000, "is_serious_disease": True,
}  # fmt: skip
PAID = {**FORMER, "reimbursed_yuan": 15_000, "self_paid_yuan": 5_000}


def propose(office: Office, household: str, correction: dict[str, Any]) -> None:
    """What somebody of the village hands in with a visit."""
    today = office.today.isoformat()
    visit = read_visit(
        {
            "submission_key": f"correction-of-{household}", "visited_on": today, "finding": "no_difficulty",
            "corrections": [{"feed": "illness", **correction}],
        },
        household, office.today,
    )  # fmt: skip
    somebody = Caller("pvillage9999", Role.VILLAGE_OFFICIAL, Scope(HERE))
    assert office.app.state.work.visits.record(somebody, "pvillage9999", household, visit) is not None


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_what_a_correction_changes_is_marked_without_colour(
    desk: Desk, office: Office, viewport: dict[str, int]
) -> None:
    household = office.cases()[6 if viewport is PHONE else 7]
    propose(office, household, {"row": PAID, "replaces": FORMER})
    page = desk.page("township", viewport=viewport)
    page.goto("/corrections")
    item = page.locator(f".reason:has-text('{household}')")
    changed = {one.split("\n")[0]: one for one in item.locator(".changed").all_inner_texts()}
    assert len(changed) == 2
    assert "12,000元 → 15,000元" in item.inner_text()
    assert "8,000元 → 5,000元" in item.inner_text()
    assert all(ZH["correction_changed"] in one for one in changed.values())
    assert item.locator(".compared li").count() == len(FORMER)
    item.locator("details").evaluate("(one) => { one.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    for fault in (_SMALL_TEXT, _LOW_CONTRAST):
        assert page.evaluate(fault) == []
    assert axe()(page) == []
    page.context.close()


def test_who_refuses_says_why_and_the_visitor_reads_it(desk: Desk, office: Office) -> None:
    household = office.cases()[8]
    propose(office, household, {"row": PAID, "replaces": FORMER})
    page = desk.page("township", java_script_enabled=False)
    page.goto("/corrections")
    item = page.locator(f".reason:has-text('{household}')")
    item.locator("summary").click()
    # The browser asks for the reason before it sends anything; without its check the service does.
    item.locator("button[value=refuse]").click()
    assert page.locator("#said").count() == 0
    path = item.locator("form").get_attribute("action")
    sent = page.request.post(str(path), form={"review": "refuse"}, headers={"Origin": office.address})
    assert (sent.status, ZH["correction_why_missing"] in sent.text()) == (422, True)
    sent = page.request.post(
        str(path), form={"review": "refuse", "why": "x"}, headers={"Origin": office.address}
    )
    assert sent.status == 422
    item.locator("select").select_option("mistaken")
    follow(page, item.locator("button[value=refuse]"))
    said = ZH["correction_why_not"].format(why=case_texts("zh")["refusal"]["mistaken"])
    assert said in page.inner_text("#said")
    page.context.close()
    page = desk.page("village")
    page.goto(f"/households/{household}")
    assert said in page.inner_text(".visits")
    page.context.close()
