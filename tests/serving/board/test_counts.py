"""Counts of casework beside a count by hand, and that nothing small can be worked out of what others are told."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from features.policy import policy_value
from scoring.estimate import Estimate
from scoring.missed import Missed
from serving.access import Caller, Role, Scope
from serving.board import AreaBoard, Boards
from serving.cases.casework import BREAKDOWNS, UNITS, Casework, add_up, at_every_level
from serving.cases.clocks import escalation_bounds, standing_of
from serving.cases.people import HELPER, LEVELS
from serving.casework_desk import AreaCasework, CaseworkDesk, Figures
from serving.console.board import board_view
from serving.console.texts import texts
from serving.disclosure import Disclosure
from serving.map_file import AreaMap, AreaShape
from serving.storage import AreaSummary, Run, SummaryStore, open_database
from serving.storage.area_counts import AreaCounts
from serving.storage.case_tables import case_lead
from serving.storage.casework import CaseworkStore
from serving.worklists.missed import CountyMissed
from tests.serving.board.county import TODAY, Stock, counted, make_stock, put

ESCALATION = policy_value("case_escalation_days", "CN-50", TODAY).value
AREAS = ("50", "5009", "500999", "500999100", "500999100201", "500998101203")
PROVINCE = Caller("p0", Role.PROVINCE_OFFICIAL, Scope("50"))


@pytest.fixture
def stocked(database_url: str) -> Iterator[tuple[Engine, Stock]]:
    engine = open_database(database_url)
    stock = make_stock(3)
    with engine.begin() as connection:
        put(connection, stock)
    yield engine, stock
    engine.dispose()


def told(one: Casework) -> dict[str, Any]:
    return {
        "leads": +one.leads, "stages": +one.stages, "overdue": +one.overdue, "untold": one.untold, "listed": one.listed,
        "visited": one.visited, "met": one.met, "confirmed": one.confirmed,
        "expected": pytest.approx(one.score_units / UNITS),
    }  # fmt: skip


@pytest.mark.parametrize("level", [4, 6, 9, 12])
def test_counts_are_those_by_hand(stocked: tuple[Engine, Stock], level: int) -> None:
    engine, stock = stocked
    store = CaseworkStore(engine, lambda: TODAY)
    for area in (one for one in AREAS if len(one) < level):
        parts = store.count(Scope("50"), area, level)
        rows = (*stock.cases, *stock.leads, *stock.entries)
        everywhere = {one["village_code"][:level] for one in rows if one["village_code"].startswith(area)}
        assert set(parts) <= everywhere
        for code in everywhere:
            assert counted(stock, code, ESCALATION) == told(parts.get(code, Casework()))
        assert counted(stock, area, ESCALATION) == told(add_up(parts.values()))


def test_a_village_is_counted_by_grid(stocked: tuple[Engine, Stock]) -> None:
    engine, stock = stocked
    village = "500999100201"
    parts = CaseworkStore(engine, lambda: TODAY).count(Scope(village), village, 13)
    wanted = {stock.grids[one["household_id"]] for one in stock.cases if one["village_code"] == village}
    # Nobody of the lists has a grid.
    assert set(parts) == wanted | {""}
    for grid in wanted:
        ours = [
            one for one in stock.cases
            if one["village_code"] == village and stock.grids[one["household_id"]] == grid
            and one["state"] != "joined"
        ]  # fmt: skip
        assert parts[grid].stages.total() == len(ours)
    assert told(add_up(parts.values())) == counted(stock, village, ESCALATION)


def test_outside_of_the_scope_nothing_is_counted(stocked: tuple[Engine, Stock]) -> None:
    engine, stock = stocked
    store = CaseworkStore(engine, lambda: TODAY)
    inside = store.count(Scope("500999101"), "500999", 9)
    assert set(inside) == {"500999101"}
    assert store.count(Scope(None), "500999", 9) == {}
    county = Caller("p1", Role.COUNTY_OFFICIAL, Scope("500999"))
    desk = CaseworkDesk(store)
    for area in ("50", "5009", "500998", "500998100", "51"):
        assert desk.find(county, area) is None
    found = desk.find(county, "500999100")
    assert found is not None
    assert not found.is_small_kept_back
    assert told(found.figures.counts) == counted(stock, "500999100", ESCALATION)


@given(
    owner=st.sampled_from((*LEVELS, HELPER)), days=st.integers(-5, 400),
    today=st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 31)),
)  # fmt: skip
def test_bounds_say_what_each_case_is_told(owner: str, days: int, today: dt.date) -> None:
    due = today - dt.timedelta(days=days)
    wanted = standing_of(due, today, owner, "500999100201").escalated_to
    bounds = escalation_bounds(owner, "500999", today)
    assert next((level for level, bound in bounds if due <= bound), None) == wanted


@pytest.mark.parametrize("seed", range(12))
def test_no_small_count_can_be_worked_out(seed: int) -> None:
    """Everything that is told of a breakdown, as equations: no small cell has only one solution left."""
    stock = make_stock(seed, count=60 + 25 * seed)
    counts: dict[str, Casework] = {}
    for village in {one["village_code"] for one in (*stock.cases, *stock.leads)}:
        one = counts.setdefault(village[:9], Casework())
        hand = counted(stock, village, ESCALATION)
        one.leads.update(hand["leads"])
        one.stages.update(hand["stages"])
        one.overdue.update(hand["overdue"])
        one.untold += hand["untold"]
        one.listed, one.visited = one.listed + hand["listed"], one.visited + hand["visited"]

    class Fixed(CaseworkStore):
        def count(self, scope: Scope, area_code: str, level: int) -> dict[str, Casework]:
            return {code: one for code, one in counts.items() if code.startswith(area_code)}

    kept = CaseworkDesk(Fixed(None, lambda: TODAY)).snapshot("50")  # type: ignore[arg-type]
    every = at_every_level(counts, 2)
    for name in BREAKDOWNS:
        shown = {area for area, one in kept.figures.items() if name not in one.hidden}
        for area in shown:
            assert all(not 0 < cell < 5 for cell in every[area].cells(name)), (area, name)
            # What is left of a published area after all published areas inside it.
            inside = [one for one in shown if one != area and one.startswith(area)]
            largest = [
                one for one in inside if not any(one != other and one.startswith(other) for other in inside)
            ]
            rest = [
                town for town in counts
                if town.startswith(area) and not any(town.startswith(one) for one in largest)
            ]  # fmt: skip
            assert len(rest) != 1 or rest == [area], (area, name)


def test_a_share_on_the_map_tells_no_count_that_is_kept_back() -> None:
    ring = ((106.0, 29.0), (107.0, 29.0), (107.0, 30.0), (106.0, 29.0))
    towns = ("500999101", "500999102")
    shapes = {one: AreaShape(one, None, ((ring,),)) for one in towns}
    figures = Figures(Casework(stages=Counter(found=40, helping=3), overdue=Counter(owner=20)))
    below = {towns[0]: figures, towns[1]: replace(figures, hidden=frozenset({"stages"}))}
    whole = AreaCasework("500999", TODAY, figures, 9, below, is_small_kept_back=True)
    board = AreaBoard(whole, None, {}, (), None)
    # The late ones and their share of the open ones are the open ones.
    drawn = board_view(board, AreaMap(shapes), PROVINCE, "overdue", 1, "en")["map"]
    assert [(one["code"], one["value"]) for one in drawn["areas"]] == [(towns[0], 20 / 43), (towns[1], None)]
    assert drawn["areas"][1]["kind"] == "hidden"


@pytest.mark.parametrize("silent", [0, 3, 97])
def test_that_nothing_is_known_of_some_is_said_alike_where_it_is_kept_back(silent: int) -> None:
    casework = AreaCasework("500999", dt.date(2026, 11, 2), Figures(Casework()), 9, {}, True)
    counts = AreaCounts(100, nothing_known=silent)
    summary = AreaSummary(Run(dt.date(2026, 10, 31), "m"), "500999", counts, {})

    def said(*hidden: str) -> str:
        board = AreaBoard(casework, summary, {"500999": frozenset(hidden)}, (), None)
        tiles = board_view(board, AreaMap({}), PROVINCE, "leads", 1, "en")["tiles"]
        return str(tiles[0]["more"])

    assert said("grades", "themes", "nothing_known") == texts("en")["board_unheard_kept_back"]
    assert said() == (texts("en")["board_unheard"].format(count=silent) if silent else "")


def test_cases_that_are_on_time_are_a_count_as_well() -> None:
    few = Casework(stages=Counter(found=10, resolved=30, excluded=9), overdue=Counter(owner=8), untold=6)
    assert few.cells("overdue") == [8, 2, 6, 3]


def test_no_more_cases_are_late_than_are_open(stocked: tuple[Engine, Stock]) -> None:
    engine, stock = stocked
    for part in CaseworkStore(engine, lambda: TODAY).count(Scope("50"), "50", 12).values():
        assert part.late <= part.open
    told = add_up(CaseworkStore(engine, lambda: TODAY).count(Scope("50"), "50", 6).values())
    closed = [one for one in stock.cases if one["closed_on"] is not None]
    assert told.untold == sum(1 for one in closed if one["due_on"] is not None and one["due_on"] < TODAY) > 0


def test_whoever_does_not_work_there_sees_no_village(stocked: tuple[Engine, Stock]) -> None:
    desk = CaseworkDesk(CaseworkStore(stocked[0], lambda: TODAY))
    village = desk.find(PROVINCE, "500999100201")
    assert village is not None
    assert (village.figures.hidden, dict(village.below)) == (frozenset(BREAKDOWNS), {})
    town = desk.find(PROVINCE, "500999100")
    assert town is not None
    assert dict(town.below) == {}
    said = desk.find(PROVINCE, "50")
    assert said is not None
    assert said.is_small_kept_back
    assert said.figures.as_json()["open"] is not None


def test_above_counties_whoever_works_there_is_told_whole_counts_that_stand_still(
    stocked: tuple[Engine, Stock],
) -> None:
    engine, stock = stocked
    desk = CaseworkDesk(CaseworkStore(engine, lambda: TODAY))
    city = Caller("p2", Role.COUNTY_OFFICIAL, Scope("5009"))
    found = desk.find(city, "5009")
    assert found is not None
    assert not found.is_small_kept_back
    assert (found.figures.hidden, told(found.figures.counts)) == (
        frozenset(),
        counted(stock, "5009", ESCALATION),
    )
    for code, part in found.below.items():
        assert (part.hidden, told(part.counts)) == (frozenset(), counted(stock, code, ESCALATION))
    with engine.begin() as connection:
        connection.execute(case_lead.delete())
    again = desk.find(city, "5009")
    assert again is not None
    assert again.figures.counts.leads == found.figures.counts.leads != {}
    county = desk.find(city, "500999")
    assert county is not None
    assert not +county.figures.counts.leads


def test_counts_for_others_stand_still_and_are_read_anew_behind_them(stocked: tuple[Engine, Stock]) -> None:
    engine, _ = stocked
    desk = CaseworkDesk(CaseworkStore(engine, lambda: TODAY))
    first = desk.snapshot("50")
    assert desk.snapshot("50") is first
    desk._kept["50"] = type(first)(first.on, first.read_at - 1_000, first.figures)
    old = desk.snapshot("50")
    assert old.figures is first.figures
    with desk._lock:
        pass
    assert desk._kept["50"] is not old


def test_why_an_estimate_is_not_told_is_said_truly(
    stocked: tuple[Engine, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, few = stocked[0], Estimate(2.0, 1.0, 4.0)
    small = Missed(TODAY, TODAY, 3, visits=40, met=38, found=3, population=900.0, undetected=few, missed=few)
    found = [CountyMissed("500998", None), CountyMissed("500999", small)]
    monkeypatch.setattr("serving.board.audit_misses", lambda *args, **more: found)
    summaries = SummaryStore(engine)
    desk = CaseworkDesk(CaseworkStore(engine, lambda: TODAY))
    for caller, is_told in ((PROVINCE, False), (Caller("p2", Role.COUNTY_OFFICIAL, Scope("5009")), True)):
        board = Boards(engine, desk, summaries, Disclosure(summaries)).find(caller, "5009")
        assert board is not None
        early, kept = board.missed
        assert (early.missed, early.is_kept_back) == (None, False)
        assert ((kept.missed is not None), kept.is_kept_back) == (is_told, not is_told)
        words = texts("zh")
        told = board_view(board, AreaMap({}), caller, "leads", 1, "zh")["missed"]
        assert told[0]["why"] == words["missed_none"]
        assert told[1].get("why") == (None if is_told else words["missed_kept_back"])
        assert kept.as_json()["is_kept_back"] is not is_told
