"""A manager's, an administrator's and an auditor's work in a real browser: on a phone and on a desk."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from jinja2 import Environment, PackageLoader

from serving.console.texts import texts
from serving.storage.audit_actions import Action
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk, axe, path_of, picture, sign_in
from tests.serving.console.office import HERE, TOWN, Office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TEXT

pytestmark = pytest.mark.browser

ZH = texts("zh")
MOST_BYTES = 350_000
# What is in the map is inside of `a` too, where a target may be as small as an area is: the table has the same.
_SMALL_TARGETS = """
[...document.querySelectorAll('a:not(.skip):not(svg a), button, input:not([type=hidden])')]
  .filter(e => e.getBoundingClientRect().height < 43.9).map(e => e.outerHTML.slice(0, 80))
"""


def test_a_manager_goes_down_from_the_county_to_a_village_without_a_script(
    browser: Any, office: Office
) -> None:
    context = browser.new_context(viewport=DESK, base_url=office.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    sign_in(page, "county")
    assert path_of(page) == "/areas/500999"
    assert ZH["demo_banner"] in page.inner_text("#demo")
    told = page.inner_text("main")
    assert "演示县" in told
    assert ZH["kept_back"] not in told
    # The map leads where the table leads.
    assert (
        page.locator("svg.areas a").count()
        == page.locator("table.board >> nth=0").locator("tbody th a").count()
    )
    picture(page, "board")
    follow(page, page.locator("svg.areas a").first)
    assert path_of(page) == "/areas/500999100"
    follow(page, page.locator("table.board tbody a").first)
    assert path_of(page) == f"/areas/{HERE}"
    assert page.locator("svg.areas").count() == 0
    assert ZH["below_grid"] in page.inner_text("main")
    follow(page, page.locator("main nav.back a").last)
    assert path_of(page) == f"/areas/{TOWN}"
    follow(page, "header a[lang=en]")
    assert texts("en")["tile_open"] in page.inner_text("main")
    follow(page, "nav.filters a >> nth=2")
    assert (page.locator("nav.filters a[aria-current]").inner_text(), "lang=en" in page.url) == (
        texts("en")["map_overdue"], True,
    )  # fmt: skip
    context.close()


def test_the_page_says_what_the_api_says(desk: Desk) -> None:
    page = desk.page("county", viewport=DESK)
    page.goto("/areas/500999")
    told = page.context.request.get("/v1/areas/500999/casework").json()
    tiles = [one.inner_text() for one in page.locator(".tiles dd strong").all()]
    leads = sum(one["count"] for one in told["leads"])
    lists = told["lists"]
    assert tiles[1:] == [
        f"{leads:,}", f"{told['open']:,}", f"{sum(told['overdue'].values()):,}",
        f"{lists['visited']:,} / {lists['listed']:,}",
    ]  # fmt: skip
    parts = {one["area_code"]: one["open"] for one in told["below"]["parts"]}
    assert sum(parts.values()) == told["open"]
    shown = [
        one.inner_text()
        for one in page.locator("table.board >> nth=0").locator("tbody td:nth-child(4)").all()
    ]
    assert shown == [f"{parts[one]:,}" for one in sorted(parts)]
    assert told["is_small_kept_back"] is False
    page.context.close()


def test_thousands_are_set_apart_in_every_table() -> None:
    folder = Environment(loader=PackageLoader("serving.console"), autoescape=True)
    assert folder.from_string('{% from "counts.html" import many %}{{ many(3197) }}').render() == "3,197"


def test_small_counts_stay_with_those_who_work_there(desk: Desk) -> None:
    province, county = desk.page("province", viewport=DESK), desk.page("county", viewport=DESK)
    for area in ("500999", "500999101"):
        assert ZH["board_kept_back"] in (province.goto(f"/areas/{area}") and province.inner_text("main"))
        assert ZH["board_kept_back"] not in (county.goto(f"/areas/{area}") and county.inner_text("main"))
        theirs = province.context.request.get(f"/v1/areas/{area}/casework").json()
        ours = county.context.request.get(f"/v1/areas/{area}/casework").json()
        assert theirs["is_small_kept_back"] is True
        small = [one for one in ours["leads"] if one["count"] < 5]
        assert (theirs["leads"] is None) or not small
        assert [one for one in theirs["leads"] or [] if one["count"] < 5] == []
    village = province.context.request.get(f"/v1/areas/{HERE}/casework").json()
    assert {village[one] for one in ("leads", "stages", "overdue", "lists", "confirmed", "open")} == {None}
    province.context.close()
    county.context.close()


@pytest.mark.parametrize(
    "query",
    [
        "?page=0",
        "?page=999999",
        "?map=<script>",
        "?map=../..",
        "?page=-1&map=%0A",
        "?lang=xx&page=1e9",
        "?map=a&map=b",
    ],
)
def test_hostile_parameters_change_nothing(desk: Desk, query: str) -> None:
    page = desk.page("county", viewport=DESK)
    assert page.goto(f"/areas/500999{query}").status == 200
    assert "script>" not in page.inner_html("main")
    for area in ("500998", "51", "5009", "50099", "0" * 12, "..%2f", "500999%0A", "'", "x" * 300):
        assert page.goto(f"/areas/{area}").status == 404
    page.context.close()


def test_a_village_official_sees_the_own_board_alone(desk: Desk) -> None:
    page = desk.page("village")
    assert page.goto("/areas").status == 200
    assert path_of(page) == f"/areas/{HERE}"
    for area in ("500999100202", TOWN, "500999", "50"):
        assert page.goto(f"/areas/{area}").status == 404
        assert ZH["problem_area"] in page.inner_text("main")
    page.context.close()


def test_an_administrator_adds_an_account_that_signs_in(browser: Any, office: Office, desk: Desk) -> None:
    page = desk.page("admin", java_script_enabled=False)
    page.goto("/")
    page.goto("/accounts")
    page.click("main details summary >> nth=0")
    page.fill("#add input[name=login_name]", "new.one")
    page.select_option("#add select[name=role]", "village_official")
    page.fill("#add input[name=area]", TOWN)
    follow(page, "#add button")
    assert ZH["account_area"] in page.inner_text("[role=alert]")
    page.fill("#add input[name=login_name]", "new.one")
    page.select_option("#add select[name=role]", "village_official")
    page.fill("#add input[name=area]", HERE)
    follow(page, "#add button")
    start = page.inner_text("#start-password")
    page.goto("/accounts")
    assert start not in page.content()

    theirs = browser.new_context(viewport=PHONE, base_url=office.address).new_page()
    theirs.goto("/")
    theirs.fill("input[name=name]", "new.one")
    theirs.fill("input[name=password]", start)
    follow(theirs, "main button")
    assert path_of(theirs) == "/password"
    theirs.fill("input[name=former]", start)
    for name in ("password", "again"):
        theirs.fill(f"input[name={name}]", "Another-one-22")
    follow(theirs, "main button")
    assert path_of(theirs) == "/list"

    page.fill("#find input[name=login_name]", "NEW.one")
    follow(page, "#find button")
    assert page.locator(".accounts li").count() == 1
    page.click(".accounts summary")
    follow(page, f".accounts button:has-text('{ZH['account_lock']}')")
    assert ZH["done_lock"] in page.inner_text("[role=status].done")
    # A session is looked up anew every two seconds.
    time.sleep(2.1)
    assert theirs.goto("/list").url.startswith(f"{office.address}/sign-in")
    made = office.app.state.desk.accounts.find("new.one")
    assert made is not None
    told = office.app.state.store.audit.search(subject=made.id)
    by_admin = [one.action for one in told if one.role == "accounts"]
    assert by_admin == ["account_locked", "account_added"]
    theirs.context.close()
    page.context.close()


def test_an_administrator_sees_no_case_and_locks_not_themselves(desk: Desk, office: Office) -> None:
    page = desk.page("admin")
    case = office.cases()[0]
    for path in ("/list", "/areas", "/areas/500999", f"/households/{case}", "/audit", "/corrections"):
        assert page.goto(path).status == 403
    own = office.app.state.desk.accounts.find("admin")
    assert own is not None
    answer = page.context.request.post(
        f"/accounts/{own.id}/remove", form={}, headers={"Origin": office.address, "Accept": "text/html"}
    )
    assert (answer.status, ZH["account_own"] in answer.text()) == (422, True)
    forged = page.context.request.post(
        f"/accounts/{own.id}/lock",
        form={},
        headers={"Origin": "http://elsewhere.test", "Accept": "text/html"},
    )
    assert forged.status == 403
    page.context.close()


def test_an_auditor_finds_who_read_a_household(desk: Desk, office: Office) -> None:
    case = office.cases()[1]
    village = desk.page("village")
    village.goto(f"/households/{case}")
    village.context.close()
    reader = office.app.state.desk.accounts.find("village")
    assert reader is not None
    page = desk.page("auditor")
    page.goto("/audit")
    page.fill("input[name=household]", case)
    follow(page, "#search button")
    assert urlsplit(page.url)[2:4] == ("/audit", "")
    rows = page.locator("table.board tbody tr")
    assert rows.count() > 0
    assert reader.id in page.inner_text("table.board")
    assert case not in page.content()
    page.select_option("select[name=action]", "household_listed")
    page.fill("input[name=key_id]", "p00000000000")
    follow(page, "#search button")
    assert ZH["audit_none"] in page.inner_text("main")
    page.fill("input[name=household]", "13800138000")
    follow(page, "#search button")
    assert ZH["audit_household"] in page.inner_text("[role=alert]")
    log = office.app.state.store.audit
    assert len(log.search(subject=log.household(case), action=Action.AUDIT_SEARCHED)) == 1
    assert page.goto(f"/households/{case}").status == 403
    page.context.close()


def test_lists_do_not_hide_what_else_was_done(desk: Desk, office: Office) -> None:
    village = desk.page("village")
    village.goto(f"/households/{office.cases()[2]}")
    for _ in range(4):
        village.goto("/list")
    shown = str(village.locator(".households a").first.get_attribute("href")).removeprefix("/households/")
    village.context.close()
    page = desk.page("auditor", java_script_enabled=False)
    page.goto("/audit")
    rows, listed = page.locator("table.board tbody tr"), f"tr:has-text('{ZH['logged_household_listed']}')"
    assert rows.count() > 0
    assert page.locator(listed).count() == 0
    # All of them are counted, over all pages, and none is gone.
    log, counted = office.app.state.store.audit, 0
    while True:
        told = page.locator("#folded")
        counted += (
            int(told.inner_text().split("另有")[1].split("条")[0].replace(",", "")) if told.count() else 0
        )
        if not page.locator("#older").count():
            break
        follow(page, "#older button")
    everything = log.tally(Action.HOUSEHOLD_LISTED)
    assert counted == everything.entries == len(log.search(action=Action.HOUSEHOLD_LISTED, limit=10**6))
    page.goto("/audit")
    follow(page, "#folded button")
    assert page.locator(listed).count() > 0
    assert page.locator("#folded").count() == 0
    follow(page, "#older button")
    assert page.locator("#folded").count() == 0
    # Whoever asks for a household, or an account, is told of every list that showed it.
    page.fill("input[name=household]", shown)
    follow(page, "#search button")
    assert (page.locator("#folded").count(), page.locator(listed).count() > 0) == (0, True)
    page.context.close()


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [(PHONE, "light", "zh"), (PHONE, "dark", "en"), (DESK, "light", "en"), (DESK, "dark", "zh")],
)
def test_pages_fit_can_be_read_and_ask_nobody_else(
    desk: Desk, office: Office, viewport: dict[str, int], scheme: str, language: str
) -> None:
    check = axe()
    pages = {
        "county": ("/areas/500999", "/areas/500999?map=visited", f"/areas/{HERE}"),
        "province": ("/areas/50", "/areas/500999", "/areas/500999100"),
        "admin": ("/accounts",),
        "auditor": ("/audit", "/releases"),
        "monitor": ("/feeds",),
    }
    for who, paths in pages.items():
        page = desk.page(who, viewport=viewport, color_scheme=scheme)
        said: list[str] = []
        hosts: set[str] = set()
        sizes: list[int] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, hosts=hosts: hosts.add(urlsplit(request.url).netloc))
        page.on("requestfinished", lambda one, sizes=sizes: sizes.append(sum(one.sizes().values())))
        for path in paths:
            mark = "&" if "?" in path else "?"
            sizes.clear()
            assert page.goto(path + (f"{mark}lang=en" if language == "en" else "")).status == 200
            for folded in page.locator("details").all():
                folded.evaluate("(one) => { one.open = true; }")
            wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert wide[0] <= wide[1] == viewport["width"], path
            for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
                assert page.evaluate(fault) == [], path
            assert check(page) == [], path
            assert sum(sizes) <= MOST_BYTES, path
        assert said == []
        assert hosts == {urlsplit(office.address).netloc}
        page.context.close()
