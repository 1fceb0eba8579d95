"""The one table of moves: where each begins and ends, whose it is, what it asks for, starts and stops.

Everything else (the API, the console, the store, the diagram of `docs/explanation/cases.md`) reads it from
here. DOMAIN §2: declaration or clue → authorisation and visit with data comparison → democratic review with a
village notice → town check → county → help; elimination takes the same steps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from serving.cases.case import Case
from serving.cases.clocks import Clock, find_term
from serving.cases.codes import (
    CAUSES,
    EVENTS,
    EXCLUSIONS,
    OBJECT_TYPES,
    RELAPSES,
    SEND_BACKS,
    UNVISITED_EXCLUSIONS,
)
from serving.cases.errors import (
    AlreadyIdentified,
    FactsRefused,
    NoticeRunning,
    NotIdentified,
    Reason,
    WithoutLabour,
)
from serving.cases.facts import CodeFact, CodesFact, CountFact, DayFact, Fact, FlagFact, day_of
from serving.cases.people import COUNTY, HELPER, TOWNSHIP, VILLAGE
from serving.cases.state import CaseState as S

REVIEW = "review"
"""The move that puts a case before the village: its facts tell of the notice."""
RELAPSE = "relapse"
"""The move that opens a case again whose risk was marked as gone."""
JOIN = "join"
"""The move that ends a case which new leads opened meanwhile: it goes on in the relapse."""
IDENTIFY = "approve"
"""The county's identification."""

Facts = Mapping[str, Any]
Hold = Callable[[Case, dt.date], None]
Check = Callable[[Case, Facts, dt.date], None]
Effect = Callable[[Case, Facts, dt.date], dict[str, Any]]


@dataclass(frozen=True)
class Move:
    """One row of the table. `to_state` is `None` where the case stays where it is.

    `starts` are the clocks that begin with it where the county's practice has them in that state, those of
    `only_first` where they never ran before. `holds` is what has to hold of the case, and `checks` of the
    facts, besides; `effect` gives the fields of the case that it sets; `event` is the action in the log.
    `passes_over`: whoever makes it goes on with the case, whatever the visits before it did not find.
    A county may do without an optional one. One that is `made_with` another is made along with that move of
    the household's other case, and begun by nobody.
    """

    name: str
    zh: str
    en: str
    from_states: tuple[S, ...]
    to_state: S | None
    roles: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    starts: frozenset[Clock] = frozenset()
    only_first: frozenset[Clock] = frozenset()
    stops: frozenset[Clock] = frozenset()
    holds: tuple[Hold, ...] = ()
    checks: tuple[Check, ...] = ()
    effect: Effect | None = None
    event: str = "case_moved"
    passes_over: bool = False
    is_optional: bool = False
    made_with: str | None = None

    def reaches(self, state: S) -> S:
        """Where the move leads from a state."""
        return self.to_state or state


def _visited(zh: str = "入户日期", en: str = "day of the visit") -> DayFact:
    return DayFact("visited_on", zh, en)


_NOTICE = (
    DayFact("reviewed_on", "民主评议日期", "day of the village's review"),
    CountFact("attendance", "参会人数", "how many took part in the review", least=1),
    DayFact("published_on", "公示开始日期", "first day of the notice"),
    DayFact("ends_on", "公示截止日期", "last day of the notice", may_lie_ahead=True),
)


def notice_is_long_enough(case: Case, facts: Facts, on: dt.date) -> None:
    """Raise `FactsRefused` unless review, notice and its least length follow one another."""
    reviewed, published, ends = (day_of(facts, one) for one in ("reviewed_on", "published_on", "ends_on"))
    reasons = []
    if published < reviewed:
        reasons.append(Reason("/facts/published_on", "before_review", "publish after the review"))
    least = find_term(Clock.NOTICE, case.village_code, published).due_on(published).day
    if ends < least:
        reasons.append(Reason("/facts/ends_on", "notice_too_short", "let the notice run its days"))
    if reasons:
        raise FactsRefused(reasons)


def notice_ran(case: Case, on: dt.date) -> None:
    """Raise `NoticeRunning` up to the last day of the notice, that day included."""
    if case.notice_ends_on is None or on <= case.notice_ends_on:
        raise NoticeRunning


def elimination_notice_ran(case: Case, facts: Facts, on: dt.date) -> None:
    """The same of a notice that the move's own facts tell of."""
    if on <= day_of(facts, "ends_on"):
        raise NoticeRunning


def checked_after_notice(case: Case, facts: Facts, on: dt.date) -> None:
    """Raise `FactsRefused` for a check that the town made while the notice still hung."""
    if case.notice_ends_on is not None and day_of(facts, "checked_on") <= case.notice_ends_on:
        raise FactsRefused([Reason("/facts/checked_on", "notice_running", "check after the notice")])


def steps_are_new(case: Case, facts: Facts, on: dt.date) -> None:
    """Raise `FactsRefused` for a visit or review of before the case came to where it stands: those of the
    identification are none of the elimination, nor is one from before the elimination a sign of relapse."""
    old = [
        Reason(f"/facts/{name}", "before_step", "give a day since the case came to where it stands")
        for name in ("visited_on", "reviewed_on")
        if name in facts and day_of(facts, name) < case.entered_on
    ]
    if old:
        raise FactsRefused(old)


def is_identified(case: Case, on: dt.date) -> None:
    """Raise `NotIdentified` where help came first and the county has not identified the household yet."""
    if case.identified_on is None:
        raise NotIdentified


def is_not_identified(case: Case, on: dt.date) -> None:
    """Raise `AlreadyIdentified` where there is no paperwork left."""
    if case.identified_on is not None:
        raise AlreadyIdentified


def has_labour(case: Case, on: dt.date) -> None:
    """Raise `WithoutLabour` for a household that is not to be marked as resolved."""
    if case.is_without_labour:
        raise WithoutLabour


def reason_fits_state(case: Case, facts: Facts, on: dt.date) -> None:
    """Raise `FactsRefused` where a household that nobody visited is excluded for what only a visit shows."""
    if case.state in {S.FOUND, S.ALERTED} and facts["reason"] not in UNVISITED_EXCLUSIONS:
        raise FactsRefused([Reason("/facts/reason", "visit_first", "visit the household first")])


_TABLE = (
    Move(
        "alert", "发出预警", "pass on for a visit", (S.FOUND,), S.ALERTED, (VILLAGE, TOWNSHIP, COUNTY),
        starts=frozenset({Clock.VISIT}),
    ),
    Move(
        "verify", "入户核实", "visit and compare", (S.ALERTED,), S.VERIFYING, (HELPER, VILLAGE, TOWNSHIP),
        (_visited(),), stops=frozenset({Clock.VISIT}),
        effect=lambda case, facts, on: _visit(case, facts),
    ),
    Move(
        REVIEW, "评议公示", "review and publish in the village", (S.VERIFYING,), S.REVIEWING,
        (VILLAGE, TOWNSHIP),
        (
            DayFact(
                "authorised_on", "授权书签署日期", "day of the signed authorisation", may_lie_before=True
            ),
            DayFact("compared_on", "数据比对日期", "day of the data comparison", may_lie_before=True),
            *_NOTICE,
        ),
        starts=frozenset({Clock.NOTICE}),
        checks=(notice_is_long_enough,),
        effect=lambda case, facts, on: {"notice_ends_on": day_of(facts, "ends_on")},
    ),
    Move(
        "submit", "乡镇审核上报", "check and hand to the county", (S.REVIEWING,), S.APPROVING, (TOWNSHIP,),
        (
            DayFact("checked_on", "审核日期", "day of the town's check"),
            CountFact("objections", "公示异议数", "objections to the notice"),
        ),
        stops=frozenset({Clock.NOTICE}),
        holds=(notice_ran,),
        checks=(checked_after_notice,),
    ),
    Move(
        IDENTIFY, "审定", "identify", (S.APPROVING,), S.HELPING, (COUNTY,),
        (
            CodeFact("object_type", "对象类型", "type of object", codes=OBJECT_TYPES),
            CodesFact("causes", "风险原因", "causes, the main one first", codes=CAUSES),
            FlagFact("is_without_labour", "整户无劳动力", "whole household without labour"),
        ),
        starts=frozenset({Clock.FIRST_MEASURE, Clock.RESULT}),
        # Help that came first began it, and may have stopped it by now.
        only_first=frozenset({Clock.FIRST_MEASURE}),
        stops=frozenset({Clock.IDENTIFICATION, Clock.GREEN_LANE}),
        holds=(notice_ran,),
        effect=lambda case, facts, on: {
            "identified_on": on,
            "object_type": facts["object_type"],
            "causes": tuple(facts["causes"]),
            "is_without_labour": facts["is_without_labour"],
            "notice_ends_on": None,
        },
        event="case_identified",
    ),
    Move(
        "send_back", "退回核实", "send back", (S.REVIEWING, S.APPROVING), S.VERIFYING, (TOWNSHIP, COUNTY),
        (CodeFact("reason", "退回原因", "why it is sent back", codes=SEND_BACKS),),
        stops=frozenset({Clock.NOTICE}),
        effect=lambda case, facts, on: {"notice_ends_on": None},
        passes_over=True,
    ),
    Move(
        "exclude", "排除", "exclude",
        (S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING), S.EXCLUDED, (TOWNSHIP, COUNTY),
        (CodeFact("reason", "排除原因", "why it is none", codes=EXCLUSIONS),),
        starts=frozenset({Clock.RESULT}),
        stops=frozenset({
            Clock.IDENTIFICATION, Clock.VISIT, Clock.NOTICE, Clock.GREEN_LANE, Clock.FIRST_MEASURE
        }),
        checks=(reason_fits_state,),
        effect=lambda case, facts, on: {
            "closed_on": on, "closed_as": facts["reason"], "notice_ends_on": None
        },
        event="case_excluded",
    ),
    Move(
        "green_lane", "绿色通道先行帮扶", "help first", (S.FOUND, S.ALERTED, S.VERIFYING), S.HELPING,
        (TOWNSHIP, COUNTY),
        (
            CodeFact("event", "突发事件", "sudden event", codes=EVENTS),
            DayFact("occurred_on", "发生日期", "day of the event", may_lie_before=True),
        ),
        starts=frozenset({Clock.GREEN_LANE, Clock.FIRST_MEASURE}),
        stops=frozenset({Clock.VISIT}),
        holds=(is_not_identified,),
        effect=lambda case, facts, on: {"is_green_lane": True},
        event="case_helped_first",
        passes_over=True,
        is_optional=True,
    ),
    Move(
        "regularise", "补办手续", "do the paperwork", (S.HELPING,), S.VERIFYING, (HELPER, VILLAGE, TOWNSHIP),
        (_visited(),),
        holds=(is_not_identified,),
        effect=lambda case, facts, on: _visit(case, facts),
        is_optional=True,
    ),
    Move(
        "tell", "告知结果", "tell the household", (S.HELPING, S.FOLLOWING, S.EXCLUDED), None,
        (HELPER, VILLAGE, TOWNSHIP),
        (DayFact("told_on", "告知日期", "day the household was told"),),
        stops=frozenset({Clock.RESULT}),
    ),
    Move(
        "follow", "转入跟踪", "help is delivered, follow", (S.HELPING,), S.FOLLOWING,
        (HELPER, VILLAGE, TOWNSHIP),
        (DayFact("delivered_on", "首项措施落实日期", "day the first measure arrived"),),
        starts=frozenset({Clock.FOLLOW_UP}),
        stops=frozenset({Clock.FIRST_MEASURE}),
        holds=(is_identified,),
    ),
    Move(
        "follow_up", "跟踪核查", "look again", (S.FOLLOWING,), None, (HELPER, VILLAGE, TOWNSHIP),
        (_visited(), FlagFact("is_steady", "风险持续减轻", "whether the risk keeps falling")),
        starts=frozenset({Clock.FOLLOW_UP}),
        stops=frozenset({Clock.FOLLOW_UP}),
        effect=lambda case, facts, on: _visit(case, facts),
        is_optional=True,
    ),
    Move(
        "help_again", "继续帮扶", "help again", (S.FOLLOWING,), S.HELPING, (HELPER, VILLAGE, TOWNSHIP),
        (_visited(),),
        stops=frozenset({Clock.FOLLOW_UP}),
        effect=lambda case, facts, on: _visit(case, facts),
        is_optional=True,
    ),
    Move(
        "resolve", "风险消除", "resolve", (S.FOLLOWING,), S.RESOLVED, (COUNTY,),
        (_visited(), *_NOTICE),
        stops=frozenset({Clock.FOLLOW_UP, Clock.RESULT}),
        holds=(has_labour, is_identified),
        checks=(steps_are_new, notice_is_long_enough, elimination_notice_ran),
        effect=lambda case, facts, on: {
            "closed_on": on, "closed_as": "resolved", "notice_ends_on": None, **_visit(case, facts)
        },
        event="case_resolved",
    ),
    Move(
        RELAPSE, "风险回退", "relapse", (S.RESOLVED,), S.HELPING, (COUNTY,),
        (_visited(), CodeFact("reason", "回退原因", "why the risk is back", codes=RELAPSES)),
        starts=frozenset({Clock.FIRST_MEASURE}),
        checks=(steps_are_new,),
        effect=lambda case, facts, on: {
            "closed_on": None, "closed_as": None, "relapses": case.relapses + 1, **_visit(case, facts)
        },
        event="case_relapsed",
    ),
    Move(
        JOIN, "并入回退", "go on in the relapse",
        (S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING, S.HELPING), S.JOINED, (COUNTY,),
        # No result is told of it: the household's case goes on.
        stops=frozenset({
            Clock.IDENTIFICATION, Clock.VISIT, Clock.NOTICE, Clock.GREEN_LANE, Clock.FIRST_MEASURE
        }),
        holds=(is_not_identified,),
        effect=lambda case, facts, on: {"closed_on": on, "closed_as": "joined", "notice_ends_on": None},
        made_with=RELAPSE,
    ),
)  # fmt: skip

MOVES: Mapping[str, Move] = MappingProxyType({one.name: one for one in _TABLE})
"""Every move there is, by name."""

OPENING_CLOCKS = frozenset({Clock.IDENTIFICATION, Clock.VISIT})
"""The clocks that begin with a case's first lead, where the practice has them."""


def _visit(case: Case, facts: Facts) -> dict[str, Any]:
    visited = day_of(facts, "visited_on")
    return {"last_visited_on": max(visited, case.last_visited_on or visited)}
