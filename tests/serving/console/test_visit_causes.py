"""The form of a visit asks for causes where difficulty was found, and hides none that was filled in."""

from __future__ import annotations

from typing import Any

import pytest

from serving.console.texts import texts
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk
from tests.serving.console.office import Office

pytestmark = pytest.mark.browser

ZH = texts("zh")


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("finding", ["no_difficulty", "not_met"])
def test_causes_are_shown_where_they_are_asked_for(
    desk: Desk, office: Office, viewport: dict[str, int], finding: str
) -> None:
    page = desk.page("village", viewport=viewport, java_script_enabled=False)
    household = office.cases()[0]
    page.goto(f"/households/{household}/visit")
    causes, clash = page.locator(".causes"), page.locator(".clash")
    # Before anything is chosen they can be reached, and so they can again.
    assert (causes.is_visible(), clash.is_visible()) == (True, False)
    choose(page, finding)
    assert not causes.is_visible()
    choose(page, "difficulty")
    assert (causes.is_visible(), clash.is_visible()) == (True, False)
    page.select_option("select[name=cause]", "01")
    choose(page, finding)
    assert (causes.is_visible(), clash.is_visible()) == (True, True)
    page.select_option("select[name=cause]", "")
    assert not causes.is_visible()
    page.context.close()


def test_a_cause_without_difficulty_is_refused_and_stays_in_sight(desk: Desk, office: Office) -> None:
    page = desk.page("village", java_script_enabled=False)
    household = office.cases()[0]
    page.goto(f"/households/{household}/visit")
    choose(page, "difficulty")
    page.select_option("select[name=cause]", "01")
    page.click(f".causes summary:has-text('{ZH['more_causes']}')")
    page.locator("input[name=more_causes][value='07']").check(force=True)
    choose(page, "no_difficulty")
    follow(page, ".wide-button")
    assert f"{ZH['visit_causes']}：{ZH['fault_not_taken']}" in page.inner_text("#said")
    assert page.locator(".clash").is_visible()
    page.select_option("select[name=cause]", "")
    # The other one is left.
    assert page.locator(".causes").is_visible()
    assert office.visits(household) == []
    page.context.close()


def choose(page: Any, finding: str) -> None:
    page.check(f"input[name=finding][value={finding}]", force=True)
