"""A department's record that a visit found otherwise: asked with its values, and proposed as it was typed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features import CONTRACTS, Coverage, Signals, take_in
from features.engines.row import stored_row
from features.signals import REQUEST_FEEDS
from serving.cases.correction import FEEDS, Approved, Correction, lay_over
from serving.cases.visit import read_visit
from serving.console.fields import Form
from serving.console.record_form import corrections_of, record_views, records_of_rows
from serving.console.texts import texts
from serving.console.visit_form import document_of
from tests.serving.clicks import follow
from tests.serving.conftest import a_household
from tests.serving.console.desk import Desk, axe
from tests.serving.console.office import HERE, Office, key, open_office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT, browser

__all__ = ["browser"]

TODAY, ZH = dt.date(2026, 11, 2), texts("zh")
ASKED = sorted(set(FEEDS) - {"account", "guarantee", "household"})


def as_typed(view: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a record as a browser sends them when nothing is touched."""
    return [(f"{view['name']}.of", view["key"]), *((one["name"], one["value"]) for one in view["fields"])]


def visit(*pairs: tuple[str, str], on: dt.date = TODAY) -> Form:
    return Form([
        ("submission_key", "a" * 32),
        ("visited_on", on.isoformat()),
        ("finding", "no_difficulty"),
        *pairs,
    ])


@pytest.mark.parametrize("feed", ASKED)
def test_a_record_that_is_sent_as_it_is_takes_its_own_place(feed: str) -> None:
    rng = random.Random(feed)
    for _ in range(20):
        row = FEEDS[feed].generate(rng)
        stored: Any = FEEDS[feed].parse_row(row)
        known: dt.date = max(stored["known_on"], stored.get("ended_known_on") or stored["known_on"], TODAY)
        rows = {feed: [stored_row(stored)]}
        (view,) = record_views(records_of_rows(rows), "zh", Form(()))
        form = visit((view["name"], "otherwise"), *as_typed(view), on=known)
        (one,) = read_visit(document_of(form), stored["household_id"], known).corrections
        # What is laid over is what was there, but for when it was known, and nothing else is taken away.
        approved = Approved(stored["household_id"], HERE, one, known)
        other = {**stored_row(stored), "known_on": 0, "occurred_on": 1}
        laid = lay_over({feed: [*rows[feed], other]}, [approved], known)[feed]
        assert len(laid) == 2
        assert other in laid
        (new,) = (each for each in laid if each != other)
        ours = {"known_on", "ended_known_on", "is_known_on_estimated"}
        assert {name: value for name, value in new.items() if name not in ours} == {
            name: value for name, value in rows[feed][0].items() if name not in ours
        }


def test_what_nobody_touched_proposes_nothing() -> None:
    stored = FEEDS["disaster"].parse_row(FEEDS["disaster"].generate(random.Random(1)))
    assert isinstance(stored, dict)
    (view,) = record_views(records_of_rows({"disaster": [stored_row(stored)]}), "en", Form(()))
    assert corrections_of(visit(*as_typed(view))) == []
    assert [one["key"] for one in view["options"]] == ["gone", "otherwise"]


def test_a_feed_shows_its_latest_and_what_the_visit_asks_apart_is_not_shown() -> None:
    rng, rows = random.Random(3), {}
    for feed in FEEDS:
        made = [FEEDS[feed].parse_row(FEEDS[feed].generate(rng)) for _ in range(9)]
        rows[feed] = [stored_row(one) for one in made if isinstance(one, dict)]
    records = records_of_rows(rows)
    assert len(records) == 24
    assert not {"account", "guarantee"} & {one.feed for one in records}
    for feed in {one.feed for one in records}:
        shown = [one.values["occurred_on"] for one in records if one.feed == feed]
        latest = sorted((one["occurred_on"] for one in rows[feed]), reverse=True)[:4]
        assert len(shown) <= 4
        assert {(dt.date.fromisoformat(one) - dt.date(1970, 1, 1)).days for one in shown} <= set(latest)


@pytest.fixture(scope="module")
def office(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("records")
    sent = a_household(key(20), self_paid=9_000.0)
    sent["signals"]["household"][0]["village_code"] = HERE
    tables = {
        feed: take_in(
            feed, [{**row, "household_id": key(20)} for row in sent["signals"].get(feed, ())]
        ).accepted
        for feed in CONTRACTS
    }
    Signals(tables, Coverage.from_rows([], REQUEST_FEEDS)).save(folder / "signals")
    with open_office(bundle_dir, folder, signals_dir=folder / "signals") as made:
        yield made


@pytest.mark.browser
def test_a_corrected_value_is_proposed_and_reviewed_beside_the_former(browser: Any, office: Office) -> None:
    desk, household = Desk(browser, office), key(20)
    page = desk.page("village", java_script_enabled=False)
    page.goto(f"/households/{household}/visit")
    page.check("input[name=finding][value=no_difficulty]", force=True)
    page.click(f"summary:has-text('{ZH['visit_records']}')")
    record = page.locator("fieldset", has=page.locator("input[value^='illness@']")).last
    record.locator("select").first.select_option("otherwise")
    record.locator(f"summary:has-text('{ZH['record_values']}')").click()
    record.get_by_label("合规自付", exact=True).fill("850.5")
    record.locator("select[name$='.care']").select_option(label="大病门诊")
    follow(page, ".wide-button")
    page.wait_for_url("**visited=1*")
    (kept,) = office.visits(household)
    (one,) = kept.body["corrections"]
    assert (one["row"]["self_paid_yuan"], one["row"]["care"]) == (850.5, "serious_outpatient")
    assert one["replaces"]["self_paid_yuan"] == 9_000
    page.context.close()
    page = desk.page("township", java_script_enabled=False)
    page.goto("/corrections")
    text = page.locator(f".reason:has-text('{household}')").inner_text()
    assert "9,000" in text
    assert "850.50" in text
    assert "大病门诊" in text
    assert "serious_outpatient" not in text
    page.context.close()
    check = axe()
    for who, path in (("village", f"/households/{household}/visit"), ("township", "/corrections")):
        page = desk.page(who)
        page.goto(path)
        for folded in page.locator("details").all():
            folded.evaluate("(one) => { one.open = true; }")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
            assert page.evaluate(fault) == [], path
        assert check(page) == [], path
        page.context.close()


def test_a_correction_takes_away_the_one_record_that_it_tells() -> None:
    row = {"occurred_on": "2026-03-14", "kind": "birth", "member_id": "M1", "is_earner": False}
    one = Correction("civil", {}, row)
    stored = FEEDS["civil"].parse_row({**row, "household_id": "H1", "known_on": "2026-03-20"})
    assert isinstance(stored, dict)
    twin = {**stored, "member_id": "M2"}
    assert (one.is_replaced(stored), one.is_replaced(twin)) == (True, False)
