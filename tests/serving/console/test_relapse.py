"""A household that falls back: its page tells of the case before, and the county records the relapse there."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

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


def fall_back(office: Office, household: str, state: str) -> None:
    """Let the household's case be resolved nine days ago, and a new lead have opened another that stands so."""
    closed = office.today - dt.timedelta(days=9)
    case = office.case(household)
    long_ago = office.today - dt.timedelta(days=300)
    with office.app.state.store.writer.begin() as connection:
        connection.execute(
            update(case_file)
            .where(case_file.c.id == case.id)
            .values(
                state="resolved", opened_on=long_ago, entered_on=closed, identified_on=long_ago, closed_on=closed,
                closed_as="resolved", due_on=None, object_type="marginal", causes=["03"],
            )
        )  # fmt: skip
    lead = make_lead(
        household, HERE, "grid_report", "grid", occurred_on=office.today, known_on=office.today,
        region="CN-50", facts={"cause": "04"},
    )  # fmt: skip
    store = office.app.state.store
    LeadStore(store.engine, store.audit, office.app.state.work.cases).add(
        Caller("grid", Role.PLATFORM, EVERYWHERE), [lead], on=office.today
    )
    with store.writer.begin() as connection:
        opened = case_file.c.household_id == household, case_file.c.closed_on.is_(None)
        connection.execute(update(case_file).where(*opened).values(state=state))


def states(office: Office, household: str) -> list[tuple[str, str | None, int]]:
    query = select(case_file).where(case_file.c.household_id == household).order_by(case_file.c.opened_on)
    with office.app.state.store.engine.connect() as connection:
        return [(one.state, one.closed_as, one.relapses) for one in connection.execute(query)]


def test_the_county_records_a_relapse_from_the_households_page(desk: Desk, office: Office) -> None:
    household = office.cases()[0]
    fall_back(office, household, "approving")
    page = desk.page("county", viewport=PHONE, java_script_enabled=False)
    page.goto("/relapses")
    follow(page, f"text={household}")
    earlier = page.locator("#earlier")
    closed = (office.today - dt.timedelta(days=9)).isoformat()
    assert ZH["ended_on"].format(date=closed, said="风险消除") in earlier.inner_text()
    assert ZH["relapse_beside"].format(date=closed) in earlier.inner_text()
    # Nobody is identified anew: it is the relapse that is offered, and the page says so.
    identify = page.locator("#moves details", has_text="审定")
    identify.locator("summary").click()
    assert identify.locator("form, button").count() == 0
    assert ZH["fault_relapse_instead"] in identify.inner_text()
    earlier.locator("summary").click()
    earlier.locator("button").click()
    # Nobody visited since, and the form makes up no day.
    assert earlier.locator("select:invalid, input[type=date]:invalid").count() == 2
    earlier.locator("select").select_option("spending_rose")
    earlier.locator("input[type=date]").fill((office.today - dt.timedelta(days=20)).isoformat())
    follow(page, earlier.locator("button"))
    # A visit of before it was resolved; the form stays open, and nothing was done.
    assert ZH["fault_before_step"] in page.inner_text("[role=alert]")
    assert states(office, household) == [("resolved", "resolved", 0), ("approving", None, 0)]
    earlier.locator("select").select_option("spending_rose")
    earlier.locator("input[type=date]").fill(office.today.isoformat())
    follow(page, earlier.locator("button"))
    assert ZH["move_done"] in page.inner_text("[role=status].done")
    assert page.locator("[role=status].done").bounding_box()["y"] >= 0
    # It was visited since its identification, and not since it fell back: the conditions say from when they count.
    assert "认定（或风险回退）后尚未见面走访" in page.inner_text("#elimination")
    assert states(office, household) == [("helping", None, 1), ("joined", "joined", 0)]
    text = page.locator("#earlier").inner_text()
    assert ZH["ended_joined"] in text
    assert page.locator("#earlier form").count() == 0
    follow(page, page.locator("#earlier a").first)
    assert page.url.endswith("/plan")
    page.context.close()


def test_who_may_not_record_it_is_told_who_does(desk: Desk, office: Office) -> None:
    household = office.cases()[1]
    fall_back(office, household, "found")
    for who in ("village", "township"):
        page = desk.page(who)
        page.goto(f"/households/{household}")
        assert ZH["relapse_by_county"] in page.locator("#earlier").inner_text()
        assert page.locator("#earlier form").count() == 0
        page.context.close()


def test_beside_an_identified_case_there_is_no_relapse(desk: Desk, office: Office) -> None:
    household = office.cases()[2]
    fall_back(office, household, "helping")
    with office.app.state.store.writer.begin() as connection:
        opened = case_file.c.household_id == household, case_file.c.closed_on.is_(None)
        connection.execute(update(case_file).where(*opened).values(identified_on=office.today))
    page = desk.page("county", viewport=DESK)
    page.goto(f"/households/{household}")
    assert ZH["relapse_identified"] in page.locator("#earlier").inner_text()
    assert page.locator("#earlier form").count() == 0
    page.context.close()


def test_a_resolved_case_behind_an_excluded_one_is_found(desk: Desk, office: Office) -> None:
    household = office.cases()[3]
    fall_back(office, household, "found")
    with office.app.state.store.writer.begin() as connection:
        opened = case_file.c.household_id == household, case_file.c.closed_on.is_(None)
        values = {"state": "excluded", "closed_on": office.today, "closed_as": "no_difficulty"}
        connection.execute(update(case_file).where(*opened).values(**values))
    page = desk.page("county", viewport=DESK)
    page.goto(f"/households/{household}?lang=en")
    earlier = page.locator("#earlier")
    earlier.locator("summary").click()
    earlier.locator("select").select_option("income_fell")
    earlier.locator("input[type=date]").fill(office.today.isoformat())
    follow(page, earlier.locator("button"))
    assert states(office, household)[0] == ("helping", None, 1)
    page.context.close()


def test_a_household_without_an_earlier_case_says_nothing_of_one(desk: Desk, office: Office) -> None:
    page = desk.page("county", viewport=DESK)
    page.goto(f"/households/{office.cases()[4]}")
    assert (page.locator("#case").count(), page.locator("#earlier").count()) == (1, 0)
    page.context.close()


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_the_page_can_be_read_by_everybody(desk: Desk, office: Office, language: str, scheme: str) -> None:
    household = office.cases()[-1]
    fall_back(office, household, "verifying")
    page, check = desk.page("county", viewport=PHONE, color_scheme=scheme), axe()
    page.goto(f"/households/{household}" + ("?lang=en" if language == "en" else ""))
    for folded in page.locator("details").all():
        folded.evaluate("(one) => { one.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
        assert page.evaluate(fault) == []
    assert check(page) == []
    page.context.close()
