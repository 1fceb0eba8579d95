"""The page that a county identifies a household on: what the register says, told before and held afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from features import CONTRACTS, Coverage, Signals, take_in
from features.signals import REQUEST_FEEDS
from serving.console.texts import texts
from serving.storage.case_tables import case_file
from tests.serving.clicks import follow
from tests.serving.conftest import a_household
from tests.serving.console.desk import DESK, Desk, axe
from tests.serving.console.office import HERE, Office, key, open_office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT, browser

__all__ = ["browser"]

pytestmark = pytest.mark.browser

ZH, EN = texts("zh"), texts("en")
REGISTERED, SILENT = key(20), key(21)


@pytest.fixture(scope="module")
def office(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("register")
    sent = a_household(REGISTERED)
    sent["signals"]["household"][0]["village_code"] = HERE
    tables = {
        feed: take_in(
            feed, [{**row, "household_id": REGISTERED} for row in sent["signals"].get(feed, ())]
        ).accepted
        for feed in CONTRACTS
    }
    Signals(tables, Coverage.from_rows([], REQUEST_FEEDS)).save(folder / "signals")
    with open_office(bundle_dir, folder, signals_dir=folder / "signals") as made:
        for household in (REGISTERED, SILENT):
            with made.app.state.store.writer.begin() as connection:
                connection.execute(
                    update(case_file)
                    .where(case_file.c.household_id == household)
                    .values(state="approving", notice_ends_on=made.today - dt.timedelta(days=1))
                )
        yield made


def approving(page: Any, household: str, language: str = "zh") -> Any:
    page.goto(f"/households/{household}" + ("?lang=en" if language == "en" else ""))
    form = page.locator("form:has(input[name=move][value=approve])")
    page.click("details:has(input[value=approve]) > summary")
    return form


def types(form: Any) -> list[str]:
    found: list[str] = form.locator("select[name='fact.object_type'] option").evaluate_all(
        "(all) => all.map((one) => one.value).filter((one) => one)"
    )
    return found


def test_what_the_register_rules_out_cannot_be_chosen_and_is_refused(desk: Desk, office: Office) -> None:
    page = desk.page("county", viewport=DESK, java_script_enabled=False)
    form = approving(page, REGISTERED)
    assert ZH["register_other"] in form.inner_text()
    assert types(form) == ["marginal", "sudden_hardship"]
    case = office.case(REGISTERED)
    sent = {
        "version": str(case.version), "move": "approve", "fact.object_type": "unstable_formerly_poor",
        "fact.causes": "01", "fact.is_without_labour": "no",
    }  # fmt: skip
    answer = page.context.request.post(
        f"/cases/{case.id}/moves", form=sent, headers={"Origin": office.address, "Accept": "text/html"}
    )
    assert answer.status == 422
    assert ZH["fault_register_differs"] in answer.text()
    body = {
        "version": case.version,
        "move": "approve",
        "facts": {"object_type": "unstable_formerly_poor", "causes": ["01"], "is_without_labour": False},
    }
    asked = page.context.request.post(
        f"/v1/cases/{case.id}/moves", data=body, headers={"Origin": office.address}
    )
    assert (asked.status, asked.json()["errors"][0]["code"]) == (422, "register_differs")
    assert office.case(REGISTERED).state == "approving"
    page.context.close()


def test_where_the_register_is_silent_it_is_asked_and_not_refused(desk: Desk, office: Office) -> None:
    page = desk.page("county", viewport=DESK, java_script_enabled=False)
    form = approving(page, SILENT)
    assert ZH["register_unknown"] in form.inner_text()
    assert types(form) == ["unstable_formerly_poor", "marginal", "sudden_hardship"]
    form.locator("select[name='fact.object_type']").select_option("unstable_formerly_poor")
    form.locator("input[name='fact.is_without_labour'][value=no]").check(force=True)
    form.locator("select[name='fact.causes']").select_option("01")
    follow(page, form.locator("button"))
    assert ZH["move_done"] in page.inner_text("#said")
    assert office.case(SILENT).object_type == "unstable_formerly_poor"
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_form_can_be_read_by_everybody(desk: Desk, office: Office, language: str) -> None:
    page, check = desk.page("county"), axe()
    form = approving(page, REGISTERED, language)
    assert (EN if language == "en" else ZH)["register_other"] in form.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
        assert page.evaluate(fault) == []
    assert check(page) == []
    page.context.close()
