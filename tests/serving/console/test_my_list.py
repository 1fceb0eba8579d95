"""The own list against a plain reference, on both databases: who is on it, in what order, counted how."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from serving.access import Caller, Role, Scope
from serving.access.purpose import Purpose
from serving.console.my_list import card
from serving.errors import Problem
from serving.storage import AuditLog, open_database
from serving.storage.assessments import Stored
from serving.storage.case_tables import case_file, case_lead, visit, worklist, worklist_entry
from serving.storage.my_list import DUES, NEW_DAYS, Entry, MyListStore, Wanted
from tests.serving.readers import AUDIT_KEY

TODAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
VILLAGES = ("500999100201", "500999100202", "500999101201", "510199100201")
THEMES = ("illness", "employment", "accident")
NAMELESS: dict[str, str] = {}

LISTED = Entry(
    household_id="H1", village_code=VILLAGES[0], case_id=None, state=None, grade=None, theme=None,
    owner=None, is_hard=False, due_on=None, opened_on=None, last_visited_on=None, listed_on=TODAY,
    is_new=False, is_changed=False,
)  # fmt: skip


@dataclass(frozen=True)
class Household:
    """One household as the reference sees it; `case` and `lists` may both be nothing."""

    key: str
    village: str
    case: dict[str, Any] | None
    known_on: dt.date
    is_listed: bool
    is_visited: bool
    is_met: bool


def days(number: int) -> dt.date:
    return TODAY + dt.timedelta(number)


def make(seed: int) -> list[Household]:
    rng = random.Random(seed)
    made = []
    for number in range(60):
        opened = days(-rng.randrange(20))
        case: dict[str, Any] | None = None
        if rng.random() < 0.7:
            case = {
                "grade": rng.choice((1, 2, 3)), "theme": rng.choice(THEMES), "opened_on": opened,
                "owner": rng.choice(("village_official", "township_official", "county_official")),
                "due_on": rng.choice((None, days(rng.randrange(-9, 15)))),
                "closed_on": opened if rng.random() < 0.2 else None,
                "last_visited_on": rng.choice((None, opened)),
            }  # fmt: skip
        made.append(
            Household(
                f"H{number:02}",
                rng.choice(VILLAGES),
                case,
                days(-rng.randrange(25)),
                rng.random() < 0.4,
                rng.random() < 0.5,
                rng.random() < 0.5,
            )
        )
    return made


def stock(engine: Engine, households: list[Household]) -> None:
    with engine.begin() as connection:
        for number, area, made_on in (("old", "500999", -40), ("new", "500999", -3), ("far", "5101", -1)):
            connection.execute(
                worklist.insert().values(
                    id=number, area_code=area, made_on=days(made_on), as_of_date=TODAY, model_version="m",
                    terms={}, made_at=NOW,
                )
            )  # fmt: skip
        for place, one in enumerate(households):
            if one.case is not None:
                case_id = f"c{one.key}"
                connection.execute(
                    case_file.insert().values(
                        id=case_id, household_id=one.key, village_code=one.village, version=1,
                        state="found", practice="default@2020-01-01", entered_on=TODAY, is_hard=0, causes=[],
                        is_without_labour=0, is_green_lane=0, relapses=0, changed_at=NOW, **one.case,
                    )
                )  # fmt: skip
                connection.execute(
                    case_lead.insert().values(
                        id=f"l{one.key}", case_id=case_id, household_id=one.key, village_code=one.village,
                        channel="grid", source="s", code="grid_report", theme="illness", facts={}, is_hard=0,
                        occurred_on=one.known_on, known_on=one.known_on, received_at=NOW, event_key="e",
                        dedup_key=one.key,
                    )
                )  # fmt: skip
            # Everybody was on the former list: it is not in force any more.
            lists = ["far" if one.village.startswith("51") else "new"] if one.is_listed else []
            for number in ["old", *lists]:
                connection.execute(
                    worklist_entry.insert().values(
                        worklist_id=number, household_id=one.key, village_code=one.village, grid="",
                        place=place, why="random" if place % 3 else "score", is_tied=0, score=None,
                        visit_id=f"v{one.key}" if one.is_visited else None,
                    )
                )  # fmt: skip
            connection.execute(
                visit.insert().values(
                    id=f"v{one.key}", household_id=one.key, village_code=one.village, submission_key=one.key,
                    visited_on=TODAY, received_at=NOW, visitor="p1", role="helper", is_random=0,
                    finding="no_difficulty" if one.is_met else "not_met", body={},
                )
            )  # fmt: skip


def expected(
    households: list[Household], scope: str, role: str, wanted: Wanted
) -> tuple[list[str], dict[str, int]]:
    """Keys in their order, and how many of the whole list are of each sort."""
    rows = []
    for one in households:
        if not one.village.startswith(scope):
            continue
        case = one.case if one.case is not None and one.case["closed_on"] is None else None
        is_waiting = one.is_listed and not (one.is_visited and one.is_met)
        if case is None and not is_waiting:
            continue
        due = case["due_on"] if case else None
        looked = (case["last_visited_on"] or case["opened_on"]) if case else None
        first = case["opened_on"] if case else days(-1 if one.village.startswith("51") else -3)
        sorts = {
            "overdue": due is not None and due < TODAY,
            "soon": due is not None and TODAY <= due <= days(3),
            "new": (TODAY - first).days <= NEW_DAYS,
            "changed": looked is not None and one.known_on > looked,
            "mine": case is not None and case["owner"] == role,
        }
        rows.append((one.key, due, case["grade"] if case else 99, case["theme"] if case else None, sorts))
    counts = {name: sum(row[4][name] for row in rows) for name in DUES}
    chosen = [
        row
        for row in rows
        if (wanted.due is None or row[4][wanted.due])
        and (wanted.grade is None or row[2] == wanted.grade)
        and (wanted.theme is None or row[3] == wanted.theme)
    ]
    chosen.sort(key=lambda row: (row[1] is None, row[1] or TODAY, row[2], row[0]))
    return [row[0] for row in chosen], {"all": len(rows), **counts}


def caller(area: str, role: Role) -> Caller:
    return Caller("k" * 12, role, Scope(area))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_list_is_what_a_plain_reference_says(database_url: str, seed: int) -> None:
    engine = open_database(database_url)
    households = make(seed)
    stock(engine, households)
    audit = AuditLog(engine, AUDIT_KEY)
    store = MyListStore(engine, audit, lambda: TODAY)
    seen = 0
    for area, role in (
        ("500999100201", Role.VILLAGE_OFFICIAL), ("500999100", Role.TOWNSHIP_OFFICIAL), ("510199100", Role.TOWNSHIP_OFFICIAL),
    ):  # fmt: skip
        who = caller(area, role)
        for wanted in (
            Wanted(), *(Wanted(due=one) for one in DUES), Wanted(grade=1), Wanted(theme="illness"),
            Wanted(due="overdue", grade=2, theme="illness"),
        ):  # fmt: skip
            keys, counts = expected(households, area, role.value, wanted)
            page = store.page(who, wanted, limit=7, offset=0)
            more = store.page(who, wanted, limit=100, offset=7)
            assert [one.household_id for one in (*page.items, *more.items)] == keys
            assert page.count == len(keys)
            assert vars(page.totals) == counts
            seen += len(keys)
    assert seen > 60
    assert audit.verify().faults == ()
    assert len(audit.search(limit=10_000)) >= seen
    engine.dispose()


def test_taking_the_list_out_is_logged_with_its_purpose_or_does_not_happen(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/s.db")
    households = make(3)
    stock(engine, households)
    audit = AuditLog(engine, AUDIT_KEY)
    store, who = MyListStore(engine, audit, lambda: TODAY), caller("500999100", Role.TOWNSHIP_OFFICIAL)
    keys, _ = expected(households, "500999100", "township_official", Wanted())
    items = store.export(who, Wanted(), Purpose.VISIT, 5)
    assert [one.household_id for one in items] == keys[:5]
    entries = audit.search(limit=100)
    assert [(one.action, one.purpose) for one in entries] == [("list_exported", "visit")] * 5
    assert {one.subject for one in entries} == {audit.household(one) for one in keys[:5]}
    # A log that does not answer lets nothing be read.
    store.audit = AuditLog(engine, bytes(32))
    with pytest.raises(Problem) as failed:
        store.export(who, Wanted(), Purpose.VISIT, 5)
    assert failed.value.code == "audit_failed"
    engine.dispose()


def test_why_a_worklist_has_a_household_is_in_no_entry(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/s.db")
    stock(engine, make(4))
    store = MyListStore(engine, AuditLog(engine, AUDIT_KEY), lambda: TODAY)
    page = store.page(caller("500999", Role.TOWNSHIP_OFFICIAL), Wanted(), limit=100, offset=0)
    assert any(one.case_id is None for one in page.items)
    assert not {"why", "chance", "place", "is_random"} & {name for one in page.items for name in vars(one)}
    engine.dispose()


def test_a_village_is_called_by_its_name_where_that_is_known() -> None:
    names = {VILLAGES[0]: "石坝村"}
    told = [
        card(dataclasses.replace(LISTED, village_code=one), {}, names.get, TODAY, "zh")
        for one in VILLAGES[:2]
    ]
    assert [one["village"] for one in told] == ["石坝村", VILLAGES[1]]
    assert [one["village_name"] for one in told] == ["石坝村", None]
    assert [one["village_code"] for one in told] == list(VILLAGES[:2])


@pytest.mark.parametrize(
    ("grid", "language", "said"),
    [
        ("2组", "zh", "2组"),
        ("2组", "en", "2组"),
        ("3", "zh", "网格 3"),
        ("3", "en", "grid 3"),
        ("", "zh", None),
    ],
)
def test_a_grid_is_called_by_its_own_name(grid: str, language: str, said: str | None) -> None:
    told = card(dataclasses.replace(LISTED, grid=grid), {}, NAMELESS.get, TODAY, language)
    assert (told["grid"], told["grid_name"]) == (said, grid or None)


ALERTED = Stored(
    {
        "score": 0.4, "grade": "high", "grade_text": {"zh": "高", "en": "high"},
        "risk_reasons": [{"text": {"zh": {"name": "因病"}, "en": {"name": "illness"}}}],
        "rule_hits": [{"text": {"zh": "大病自付", "en": "large bill"}}] * 2,
    },
    VILLAGES[0], 12, NOW,
)  # fmt: skip


@pytest.mark.parametrize(("language", "said"), [("zh", "无任何部门数据"), ("en", "nothing known")])
def test_what_an_older_run_said_is_not_beside_that_nothing_is_known(language: str, said: str) -> None:
    """A card has no room for dates: what it says is of today."""
    known = dataclasses.replace(LISTED, assessment=ALERTED)
    before = card(known, {}, NAMELESS.get, TODAY, language)
    assert (before["grade"], before["score"], before["more_hits"]) == ("high", "40.0%", 1)
    assert before["reason"]
    assert before["hit"]
    told = card(dataclasses.replace(known, is_unheard=True), {}, NAMELESS.get, TODAY, language)
    assert (told["grade"], told["grade_text"], told["score"]) == ("none", said, "–")
    assert (told["reason"], told["hit"], told["more_hits"]) == (None, None, None)
