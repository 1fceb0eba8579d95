"""A cadre's work in a real browser: list, household, visit and move; in both languages."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from python_calamine import CalamineWorkbook

from serving.cases.texts import case_texts
from serving.console.texts import texts
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk, axe, fill_visit, path_of, picture, sign_in
from tests.serving.console.office import COUNT, DRAWN, LISTED, Office, key
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT

pytestmark = pytest.mark.browser

MOST_BYTES = 60_000
ZH = texts("zh")


def test_from_signing_in_to_a_moved_case_without_a_script(browser: Any, office: Office) -> None:
    context = browser.new_context(viewport=PHONE, base_url=office.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    sign_in(page, "village")
    assert path_of(page) == "/list"
    cases = office.cases()
    counted = page.locator(".filters a[aria-current] strong").inner_text()
    assert int(counted) == len(cases) + len(set(map(key, LISTED)) - set(cases))
    picture(page, "my-list")
    follow(page, ".households a >> nth=0")
    household = path_of(page).rpartition("/")[2]
    assert household in cases
    met = ZH["met_since"].format(date=office.today.isoformat())
    assert met not in page.inner_text("section.action")
    picture(page, "household")
    follow(page, ".doings a >> nth=0")
    page.fill("input[name=visited_on]", office.today.isoformat())
    fill_visit(page, "difficulty")
    picture(page, "visit")
    follow(page, ".wide-button")
    # The cause is missing: the page says so and keeps what was filled in.
    assert f"{ZH['visit_causes']}：{ZH['fault_missing']}" in page.inner_text("[role=alert]")
    assert page.is_checked("input[name=finding][value=difficulty]")
    page.select_option("select[name=cause]", "01")
    page.check("input[name='guarantee.water'][value=no]", force=True)
    page.click(f"summary:has-text('{ZH['visit_account']}')")
    page.fill("input[name=members]", "3")
    page.fill("input[name='line.wages_migrant']", "21000")
    page.fill("input[name='line.self_paid_medical']", "6000.5")
    follow(page, ".wide-button")
    assert path_of(page) == f"/households/{household}"
    assert ZH["visit_done"] in page.inner_text("#said")
    assert case_texts("zh")["finding"]["difficulty"] in page.inner_text(".visits")
    assert met in page.inner_text("section.action")
    # (21,000 − 6,000.50) ÷ 3
    assert "5,000" in page.inner_text(".visits")
    (kept,) = office.visits(household)
    assert (kept.finding, kept.is_random, kept.body["causes"]) == ("difficulty", 0, ["01"])
    # What the visit asks for is said, and the case stays where it is until somebody presses.
    today = office.today.isoformat()
    assert ZH["next_difficulty"].format(date=today) in page.inner_text("#next")
    assert ZH["next_own"].format(move="发出预警") in page.inner_text("#next")
    assert office.case(household).state == "found"
    follow(page, "form:has(input[value=alert]) button")
    assert ZH["move_done"] in page.inner_text("#said")
    assert office.case(household).state == "alerted"
    # The step that comes next stands open, with the day of the visit.
    assert ZH["next_own"].format(move="入户核实") in page.inner_text("#next")
    assert page.input_value("input[name='fact.visited_on']") == office.today.isoformat()
    follow(page, "form:has(input[value=verify]) button")
    assert office.case(household).state == "verifying"
    assert "核实" in page.inner_text(".steps .now")
    context.close()


def test_somebody_else_was_faster(desk: Desk, office: Office) -> None:
    household = office.cases()[-1]
    first, second = (desk.page("visitor", java_script_enabled=False) for _ in range(2))
    for page in (first, second):
        page.goto(f"/households/{household}")
    follow(first, "form:has(input[value=alert]) button")
    assert follow(second, "form:has(input[value=alert]) button").status == 409
    assert ZH["case_changed"] in second.inner_text("[role=alert]")
    assert office.case(household).state == "alerted"
    # And the page shows how it stands now.
    assert second.locator("form:has(input[value=verify])").count() == 1
    first.context.close()
    second.context.close()


def test_another_villages_household_is_as_one_that_is_not_there(desk: Desk, office: Office) -> None:
    page = desk.page("neighbour", java_script_enabled=False)
    here, nowhere = key(COUNT - 1), "H-NOBODY"
    case_id = office.case(office.cases()[0]).id
    for one, other in (
        (f"/households/{here}", f"/households/{nowhere}"),
        (f"/households/{here}/visit", f"/households/{nowhere}/visit"),
        (f"/households/{here}/sheet", f"/households/{nowhere}/sheet"),
        (f"/cases/{case_id}/plan", f"/cases/{'0' * 32}/plan"),
    ):
        said = []
        for path in (one, other):
            assert page.goto(path).status == 404
            said.append(page.inner_text("body"))
        assert said[0] == said[1]
    page.goto("/list")
    assert here not in page.inner_text("main")
    assert page.locator(".households li").count() > 0
    page.context.close()


def test_a_household_drawn_by_lot_looks_like_any_other(desk: Desk, office: Office) -> None:
    page = desk.page("village", java_script_enabled=False)
    shown = {}
    for number in (DRAWN[0], LISTED[-1]):
        page.goto(f"/households/{key(number)}/visit")
        shown[number] = page.inner_text("form.visit").replace(key(number), "")
        page.goto("/list?page=2")
        page.goto("/list")
    assert "随机" not in "".join(shown.values())
    assert {one.split("\n")[0] for one in shown.values()} == {ZH["visit_date"]}
    page.goto(f"/households/{key(DRAWN[0])}/visit")
    fill_visit(page, "no_difficulty")
    follow(page, ".wide-button")
    (kept,) = office.visits(key(DRAWN[0]))
    assert (kept.is_random, kept.chance) == (1, 0.125)
    page.goto(f"/households/{key(DRAWN[0])}/sheet")
    assert case_texts("zh")["sheet"]["why_random"] in page.inner_text("article")
    # On paper there is no word of a score, in the foot of the page either.
    page.emulate_media(media="print")
    assert "评分" not in page.inner_text("body")
    page.context.close()


PATHS = (
    "/list",
    "/",
    "/households/{}",
    "/households/{}/visit",
    "/households/{}/sheet",
    "/cases/{}/plan",
    "/relapses",
)


def pages_of(office: Office, household: str) -> list[str]:
    number = str(office.case(household).id)
    return [one.format(number if one.startswith("/cases") else household) for one in PATHS]


@pytest.mark.parametrize(
    ("language", "viewport", "scheme"), [("zh", PHONE, "light"), ("en", PHONE, "dark"), ("zh", DESK, "light")]
)
def test_pages_fit_can_be_read_and_ask_nobody_else(
    desk: Desk, office: Office, language: str, viewport: dict[str, int], scheme: str
) -> None:
    page = desk.page("village", viewport=viewport, color_scheme=scheme)
    said: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    # The desk's pages are the phone's with another width.
    check = axe() if viewport == PHONE else lambda _: []
    suffix = "?lang=en" if language == "en" else ""
    for path in pages_of(office, office.cases()[3]):
        assert page.goto(path + suffix).status == 200
        assert page.get_attribute("html", "lang") == texts(language)["language_tag"]
        for folded in page.locator("details").all():
            folded.evaluate("(one) => { one.open = true; }")
        wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1] == viewport["width"], path
        for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
            assert page.evaluate(fault) == [], path
        assert check(page) == [], path
    assert said == []
    assert hosts == {urlsplit(office.address).netloc}
    page.context.close()


def test_a_page_is_small_on_the_line(desk: Desk, office: Office) -> None:
    for path in pages_of(office, office.cases()[3]):
        page = desk.page("village", service_workers="block")
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        sizes: list[float] = []
        session.on(
            "Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"])
        )
        page.goto(path, wait_until="networkidle")
        assert 1_000 < sum(sizes) <= MOST_BYTES, path
        assert len(sizes) >= 4
        page.context.close()


def test_the_list_and_a_household_are_printed_without_what_is_only_pressed(
    desk: Desk, office: Office
) -> None:
    page = desk.page("village")
    for path, shown, hidden in (
        ("/list", ".households", ("header nav", ".filters", ".export", "#take", ".pages")),
        (
            f"/households/{office.cases()[3]}",
            ".estimate",
            ("header nav", ".doings", ".moves", ".identity form"),
        ),
        (f"/households/{office.cases()[3]}/sheet", ".sheet", ("header nav", ".back", ".not-printed")),
    ):
        page.goto(path)
        page.emulate_media(media="print")
        assert page.locator(shown).is_visible()
        for one in hidden:
            assert not any(each.is_visible() for each in page.locator(one).all()), one
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.pdf(format="A4").startswith(b"%PDF")
    page.context.close()


def test_the_list_is_taken_out_masked_and_logged(desk: Desk, office: Office) -> None:
    page = desk.page("village", accept_downloads=True)
    page.goto("/list?due=new")
    page.click(".export summary")
    page.select_option(".export select", "visit")
    with page.expect_download() as loading:
        page.click(".export button")
    content = Path(loading.value.path()).read_bytes()
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = book.get_sheet_by_index(0).to_python()
    about = {str(row[0]): str(row[1]) for row in book.get_sheet_by_index(1).to_python()}
    keys = [row[0] for row in rows[1:]]
    assert set(office.cases()) <= set(keys)
    assert {row[1] for row in rows[1:]} == {"张**"}
    assert "1380013" not in str(rows)
    assert about["用途"] == "入户核实"
    assert about["导出人"].endswith("村干部")
    database = str(office.app.state.store.engine.url.database)
    with sqlite3.connect(database) as connection:
        found = connection.execute(
            "SELECT count(*), min(purpose), max(purpose) FROM audit_entry WHERE action = 'list_exported'"
        ).fetchone()
    assert found == (len(keys), "visit", "visit")
    page.context.close()


def test_a_correction_is_proposed_at_a_visit_and_reviewed_by_somebody_else(
    desk: Desk, office: Office
) -> None:
    household = office.cases()[5]
    page = desk.page("village", java_script_enabled=False)
    page.goto(f"/households/{household}/visit")
    fill_visit(page, "no_difficulty")
    page.click(f"summary:has-text('{ZH['visit_records']}')")
    record = page.locator("fieldset", has=page.locator("input[value^='illness@']")).last
    record.locator("select").select_option("gone")
    follow(page, ".wide-button")
    (kept,) = office.visits(household)
    assert [one["feed"] for one in kept.body["corrections"]] == ["illness"]
    assert page.goto("/corrections").status == 403
    page.context.close()
    page = desk.page("township", java_script_enabled=False)
    page.goto("/corrections")
    item = page.locator(f".reason:has-text('{household}')")
    assert "2026-03-14" in item.inner_text()
    follow(page, item.locator(f"button:has-text('{ZH['correction_approve']}') >> nth=0"))
    # What became of it is said, and said again when the page is read again; the list has it no more.
    for _ in range(2):
        said = page.inner_text("#said")
        assert household in said
        assert ZH["rescored_not_kept"] in said
        assert page.locator(f".reason:has-text('{household}')").count() == 0
        page.reload()
    number = str(page.url).split("reviewed=")[1][:32]
    follow(page, "#said a")
    assert path_of(page) == f"/households/{household}"
    visits = page.inner_text(".visits")
    assert "已采用" in visits
    assert "2026-03-14" in visits
    assert ZH["correction_not_counted"] in visits
    # Another's correction, and one that is none, are as nothing.
    for wrong in ("0" * 32, "<b>x", f"{number}&rescored=<b>"):
        page.goto(f"/corrections?reviewed={wrong}")
        assert page.locator("#said").count() == (1 if number in wrong else 0)
        assert "<b>" not in page.inner_html("main")
    page.context.close()
    page = desk.page("neighbour")
    assert page.goto(f"/corrections?reviewed={number}").status == 403
    page.context.close()


def test_a_plan_and_what_arrived_of_it(desk: Desk, office: Office) -> None:
    household = office.cases()[4]
    number = office.case(household).id
    page = desk.page("village", java_script_enabled=False)
    page.goto(f"/cases/{number}/what-if")
    assert ZH["what_if_nothing"] in page.inner_text("main")
    page.goto(f"/cases/{number}/plan")
    page.select_option("select[name=measure]", "temporary_relief")
    follow(page, "#choose button")
    page.fill("input[name=amount_yuan] >> nth=-1", "2000")
    follow(page, "form[action$='/measures'] button")
    assert "2,000" in page.inner_text(".reasons")
    page.click(f".reason summary:has-text('{ZH['plan_deliver']}')")
    page.fill(".reason input[name=amount_yuan]", "5000")
    follow(page, ".reason form button")
    assert ZH["fault_more_than_planned"] in page.inner_text("[role=alert]")
    page.click(f".reason summary:has-text('{ZH['plan_deliver']}')")
    page.fill(".reason input[name=amount_yuan]", "1500")
    follow(page, ".reason form button")
    assert ZH["plan_arrived"].format(delivered="1,500", planned="2,000") in page.inner_text(".reasons")
    assert page.inner_text(".reasons .facts strong") == "1,500元"
    page.goto(f"/cases/{number}/what-if")
    assert ZH["what_if_not_here"] in page.inner_text("main")
    page.goto(f"/cases/{number}/plan")
    picture(page, "plan")
    page.context.close()
