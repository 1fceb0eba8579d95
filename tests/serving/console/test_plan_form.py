"""The form of a measure: it is chosen first, and asks only for what that measure takes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from features.policy.measures import measures
from serving.cases.plan import PlannedHelp
from serving.cases.plan_form import read_measure
from serving.console.fields import Form
from serving.console.plan_view import measure_document, plan_view
from serving.console.texts import texts
from serving.errors import Problem
from serving.storage.plans import CasePlan
from tests.serving.cases.test_walk import new_case
from tests.serving.clicks import follow
from tests.serving.console.desk import PHONE, Desk, axe
from tests.serving.console.office import Office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT

TODAY, VILLAGE = dt.date(2026, 11, 12), "500999100201"
ZH = texts("zh")


def view(chosen: str | None, given: Form | None = None, today: dt.date = TODAY) -> dict[str, Any]:
    case = dataclasses.replace(new_case(VILLAGE, TODAY), identified_on=TODAY)
    return plan_view(CasePlan(case, ()), today, "zh", given, chosen)


@pytest.mark.parametrize("code", list(measures()))
def test_what_a_form_asks_for_its_measure_takes_and_nothing_else(code: str) -> None:
    shown = view(code)
    listed = {each["key"] for group in shown["groups"] for each in group["measures"]}
    if code not in listed:
        # It is offered on no day on which it could begin.
        for ahead in range(0, 364, 30):
            assert measures()[code].find_entry("CN-50", TODAY + dt.timedelta(days=ahead)) is None
        return
    chosen = shown["chosen"]
    fields = [("measure", code), ("cause", shown["causes"][0]["key"]), ("starts_on", shown["starts_on"]),
              ("due_on", shown["due_on"])]  # fmt: skip
    full = [
        *fields,
        *([("amount_yuan", "100")] if chosen["pays"] else []),
        *([("persons", "2")] if chosen["has_persons"] else []),
    ]
    read = read_measure(measure_document(Form(full)), TODAY, "CN-50")
    assert read.amount_fen == (10_000 if chosen["pays"] else None)
    assert read.persons == (2 if chosen["has_persons"] else 1)
    for name, is_asked in (("amount_yuan", chosen["pays"]), ("persons", chosen["has_persons"])):
        if not is_asked:
            with pytest.raises(Problem) as refused:
                read_measure(measure_document(Form([*fields, (name, "1")])), TODAY, "CN-50")
            assert [(one.pointer, one.code) for one in refused.value.errors] == [(f"/{name}", "not_taken")]


def test_an_allowance_for_the_household_asks_for_no_persons() -> None:
    chosen = view("dibao")["chosen"]
    assert (chosen["pays"], chosen["has_persons"]) == (True, False)
    assert "每户" in chosen["hint"]
    assert "490" in chosen["hint"]


@pytest.mark.parametrize("chosen", [None, "", "gold", "DIBAO", "../dibao", "dibao "])
def test_what_is_no_measure_is_not_chosen(chosen: str | None) -> None:
    shown = view(chosen)
    assert shown["chosen"] is None
    assert not any(each["is_chosen"] for group in shown["groups"] for each in group["measures"])


def test_what_was_filled_in_stands_for_what_was_chosen_before() -> None:
    assert view("dibao", Form([("measure", "temporary_relief")]))["chosen"]["key"] == "temporary_relief"


def planned(cause: str, **more: Any) -> PlannedHelp:
    now = dt.datetime(2026, 11, 12, tzinfo=dt.UTC)
    return PlannedHelp(
        f"m{cause}", "c", "temporary_relief", cause, "civil", 100_000, 1, TODAY, TODAY, "p1", now, **more
    )


@pytest.mark.parametrize(
    ("causes", "plan", "first"),
    [
        (("01", "07"), (), "01"),
        (("01", "07"), (planned("01"),), "07"),
        (("01", "07"), (planned("07"),), "01"),
        (("01", "07"), (planned("01"), planned("07")), "01"),
        (("01", "07"), (planned("01", ended_on=TODAY),), "01"),
        (("07", "unsafe_house"), (planned("07"),), "unsafe_house"),
    ],
)
def test_the_first_cause_without_a_measure_stands_chosen(
    causes: tuple[str, ...], plan: tuple[PlannedHelp, ...], first: str
) -> None:
    case = dataclasses.replace(new_case(VILLAGE, TODAY), causes=causes)
    shown = plan_view(CasePlan(case, plan), TODAY, "zh", None, "dibao")
    assert [one["key"] for one in shown["causes"] if one["is_chosen"]] == [first]
    again = plan_view(CasePlan(case, plan), TODAY, "zh", Form([("cause", "07")]), "dibao")
    assert [one["key"] for one in again["causes"] if one["is_chosen"]] == ["07"]


@pytest.mark.browser
def test_what_was_done_with_a_plan_is_said(desk: Desk, office: Office) -> None:
    case = office.case(office.cases()[7])
    page = desk.page("village", java_script_enabled=False)
    for said in ("plan_added", "plan_there"):
        page.goto(f"/cases/{case.id}/plan?measure=temporary_relief")
        page.fill("form[action$='/measures'] input[name=amount_yuan]", "2000")
        page.select_option("form[action$='/measures'] select[name=cause]", "01")
        follow(page, "form[action$='/measures'] button")
        status = page.locator("#done[role=status]")
        assert status.inner_text() == ZH[said].format(measure=measures()["temporary_relief"].zh)
    page.click(f".reason summary:has-text('{ZH['plan_deliver']}')")
    page.fill(".reason input[name=amount_yuan]", "1500")
    follow(page, ".reason form button")
    assert ZH["plan_arrived"].format(delivered="1,500", planned="2,000") in page.inner_text("#done")
    for wrong in ("added=x", f"gone={'0' * 32}", "added=<b>"):
        page.goto(f"/cases/{case.id}/plan?{wrong}")
        assert page.locator("#done").count() == 0
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_the_form_is_filled_in_two_steps_without_a_script(
    desk: Desk, office: Office, language: str, scheme: str
) -> None:
    number = office.case(office.cases()[5 if language == "zh" else 6]).id
    page = desk.page("village", java_script_enabled=False, color_scheme=scheme)
    page.goto(f"/cases/{number}/plan" + ("?lang=en" if language == "en" else ""))
    assert page.locator("form[action*='/measures'] input[name=starts_on]").count() == 0
    page.select_option("select[name=measure]", "dibao")
    follow(page, "#choose button")
    assert page.locator("html").get_attribute("lang") == texts(language)["language_tag"]
    form = page.locator("form:has(input[name=measure][value=dibao])")
    assert form.locator("input[name=persons]").count() == 0
    assert form.locator("input[name=amount_yuan]").count() == 1
    # The other language keeps the choice.
    follow(page, "header a[lang]")
    assert page.locator("input[name=measure][value=dibao]").count() == 1
    page.go_back()
    form.locator("input[name=amount_yuan]").fill("x")
    follow(page, form.locator("button"))
    assert texts(language)["fault_amount"] in page.inner_text("[role=alert]")
    assert form.locator("input[name=amount_yuan]").input_value() == "x"
    form.locator("input[name=amount_yuan]").fill("")
    follow(page, form.locator("button"))
    assert "490" in page.inner_text(".reasons")
    page.context.close()
    page, check = desk.page("village", color_scheme=scheme), axe()
    page.goto(f"/cases/{number}/plan?measure=dibao" + ("&lang=en" if language == "en" else ""))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
        assert page.evaluate(fault) == []
    assert check(page) == []
    page.context.close()
