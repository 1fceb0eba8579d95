"""What stands in the way of an elimination is on the household's page; who was eliminated is watched on one."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import update

from serving.access import EVERYWHERE, Caller, Role
from serving.cases.lead import make_lead
from serving.console.texts import texts
from serving.storage.case_tables import case_file
from serving.storage.leads import LeadStore
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk, axe
from tests.serving.console.office import HERE, Office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT

pytestmark = pytest.mark.browser

ZH = texts("zh")


def put(office: Office, household_id: str, **values: Any) -> None:
    """Let a case stand as months of casework would have left it."""
    with office.app.state.store.writer.begin() as connection:
        connection.execute(update(case_file).where(case_file.c.household_id == household_id).values(**values))


@pytest.fixture(scope="module")
def followed(office: Office) -> str:
    household = office.cases()[0]
    long_ago = office.today - dt.timedelta(days=300)
    put(office, household, state="following", identified_on=long_ago, opened_on=long_ago)
    return household


@pytest.fixture(scope="module")
def resolved(office: Office) -> str:
    household = office.cases()[1]
    closed = office.today - dt.timedelta(days=9)
    put(office, household, state="resolved", closed_on=closed, closed_as="resolved", due_on=None)
    lead = make_lead(
        household, HERE, "grid_report", "grid", occurred_on=office.today, known_on=office.today,
        region="CN-50", facts={"cause": "04"},
    )  # fmt: skip
    store = office.app.state.store
    ledger = LeadStore(store.engine, store.audit, office.app.state.work.cases)
    ledger.add(Caller("grid", Role.PLATFORM, EVERYWHERE), [lead], on=office.today)
    return household


def test_each_condition_is_shown_with_what_it_rests_on(desk: Desk, office: Office, followed: str) -> None:
    page = desk.page("county", viewport=DESK)
    page.goto(f"/households/{followed}")
    shown = page.locator("#elimination")
    assert ZH["conditions_count"].format(all=7, met=2) in shown.inner_text()
    assert shown.locator("li").count() == 7
    identified = (office.today - dt.timedelta(days=300)).isoformat()
    assert identified in shown.locator("li").first.inner_text()
    assert (
        shown.locator("li", has_text="没有在有效期内的收支细账").locator(".tag").inner_text()
        == ZH["condition_unmet"]
    )
    # What would be refused is not offered, and says what is missing.
    resolve = page.locator("#moves details", has_text="风险消除")
    resolve.locator("summary").click()
    assert resolve.locator("form, button").count() == 0
    assert "没有已落实的帮扶措施" in resolve.inner_text()
    assert "认定未满规定月数" not in resolve.inner_text()
    page.context.close()
    visitor = desk.page("visitor")
    visitor.goto(f"/households/{followed}/visit")
    visitor.check("input[name=finding][value=no_difficulty]")
    visitor.check("input[name='guarantee.water'][value=no]")
    follow(visitor, "main form button")
    visitor.wait_for_url("**/households/*?visited=1*")
    text = visitor.locator("#elimination").inner_text()
    # What the visit found is what the conditions rest on now.
    assert ZH["conditions_count"].format(all=7, met=3) in text
    assert "饮水安全：保障有缺口" in text
    assert office.today.isoformat() in text
    visitor.context.close()


def test_a_case_that_is_not_identified_has_nothing_to_mark_as_gone(desk: Desk, office: Office) -> None:
    page = desk.page("village")
    page.goto(f"/households/{office.cases()[3]}")
    assert page.locator("#case").count() == 1
    assert page.locator("#elimination").count() == 0
    page.context.close()


def test_who_was_eliminated_and_has_something_new_is_listed_for_the_own_area(
    desk: Desk, resolved: str
) -> None:
    page = desk.page("township")
    page.goto("/relapses")
    items = page.locator("li.reason")
    assert items.count() == 1
    assert resolved in items.inner_text()
    assert "消除后又有新线索" in items.inner_text()
    follow(page, f"text={resolved}")
    page.wait_for_url(f"**/households/{resolved}")
    page.context.close()
    elsewhere = desk.page("neighbour")
    elsewhere.goto("/relapses")
    assert elsewhere.locator("li.reason").count() == 0
    assert ZH["relapses_none"] in elsewhere.content()
    elsewhere.context.close()


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_the_pages_can_be_read_by_everybody(
    desk: Desk, followed: str, resolved: str, language: str, scheme: str
) -> None:
    page, check = desk.page("county", viewport=PHONE, color_scheme=scheme), axe()
    for path in (f"/households/{followed}", f"/households/{resolved}", "/relapses"):
        page.goto(path + ("?lang=en" if language == "en" else ""))
        for folded in page.locator("details").all():
            folded.evaluate("(one) => { one.open = true; }")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        if language == "en":
            # Sources of policy, departments and the county's practice too.
            told = page.locator(".case, .lock, .moves, .leads, .visits").all_inner_texts()
            assert [one for one in told if re.search(r"[\u4e00-\u9fff]", one)] == [], path
        for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
            assert page.evaluate(fault) == [], path
        assert check(page) == [], path
    page.context.close()
