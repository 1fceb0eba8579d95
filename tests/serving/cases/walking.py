"""A household's case walked at random, and what must hold after every step: written without the table of moves."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.access import Role
from serving.cases.case import Case
from serving.cases.clocks import CaseClock, Clock
from serving.cases.facts import CodeFact, CodesFact, CountFact, DayFact, FlagFact
from serving.cases.moves import MOVES
from serving.cases.state import CaseState as S

EDGES = {
    (S.FOUND, S.ALERTED), (S.ALERTED, S.VERIFYING), (S.VERIFYING, S.REVIEWING), (S.REVIEWING, S.APPROVING),
    (S.APPROVING, S.HELPING), (S.HELPING, S.FOLLOWING), (S.FOLLOWING, S.RESOLVED),
    # Back to where it is looked at again.
    (S.REVIEWING, S.VERIFYING), (S.APPROVING, S.VERIFYING), (S.FOLLOWING, S.HELPING), (S.RESOLVED, S.HELPING),
    # Help first, then the paperwork.
    (S.FOUND, S.HELPING), (S.ALERTED, S.HELPING), (S.VERIFYING, S.HELPING), (S.HELPING, S.VERIFYING),
    # Excluded from wherever nobody has identified it.
    (S.FOUND, S.EXCLUDED), (S.ALERTED, S.EXCLUDED), (S.VERIFYING, S.EXCLUDED), (S.REVIEWING, S.EXCLUDED),
    (S.APPROVING, S.EXCLUDED),
    # What only is noted.
    (S.HELPING, S.HELPING), (S.FOLLOWING, S.FOLLOWING), (S.EXCLUDED, S.EXCLUDED),
}  # fmt: skip
"""From where to where a case may get at all."""

RUNS_IN = {
    Clock.IDENTIFICATION: {S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING, S.HELPING},
    Clock.VISIT: {S.FOUND, S.ALERTED},
    Clock.NOTICE: {S.REVIEWING},
    Clock.RESULT: {S.HELPING, S.FOLLOWING, S.EXCLUDED},
    Clock.FIRST_MEASURE: {S.HELPING, S.VERIFYING, S.REVIEWING, S.APPROVING},
    Clock.GREEN_LANE: {S.HELPING, S.VERIFYING, S.REVIEWING, S.APPROVING},
    Clock.FOLLOW_UP: {S.FOLLOWING},
}
"""Where a clock may run; it is stopped wherever else the case goes."""

PEOPLE = {Role.HELPER, Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL}
ENDS = {S.RESOLVED, S.EXCLUDED}


@dataclass
class Passed:
    """What was seen on the way."""

    steps: int = 0
    identified_on: dt.date | None = None
    published_on: dt.date | None = None
    relapses: int = 0
    helped_first: bool = False
    seen: set[tuple[S, S]] = field(default_factory=set)


def check_step(before: Case, after: Case, role: str, facts: dict[str, Any], on: dt.date, way: Passed) -> None:
    """A step that was let through, against what was seen before it."""
    edge = (before.state, after.state)
    assert edge in EDGES
    assert role in PEOPLE
    way.steps += 1
    way.seen.add(edge)
    if edge == (S.VERIFYING, S.REVIEWING):
        way.published_on = dt.date.fromisoformat(facts["published_on"])
    if edge in {(S.REVIEWING, S.APPROVING), (S.APPROVING, S.HELPING)}:
        assert way.published_on is not None
        assert (on - way.published_on).days > 5
    if edge == (S.APPROVING, S.HELPING):
        assert role == Role.COUNTY_OFFICIAL
        assert way.identified_on is None
        way.identified_on = on
    if edge[1] is S.HELPING and edge[0] in {S.FOUND, S.ALERTED, S.VERIFYING}:
        way.helped_first = True
    if edge[1] is S.RESOLVED:
        assert role == Role.COUNTY_OFFICIAL
        assert way.identified_on is not None
        assert not before.is_without_labour
        assert (on - dt.date.fromisoformat(facts["published_on"])).days > 5
    if edge[1] is S.EXCLUDED and edge[0] is not S.EXCLUDED:
        assert role in {Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL}
        assert way.identified_on is None
        if edge[0] in {S.FOUND, S.ALERTED}:
            assert facts["reason"] in {"moved_away", "deceased", "duplicate", "declined"}
    if edge == (S.RESOLVED, S.HELPING):
        assert role == Role.COUNTY_OFFICIAL
        way.relapses += 1


def check_case(case: Case, clocks: Sequence[CaseClock], way: Passed) -> None:
    """A case and its clocks as they are after any step."""
    assert case.version == 1 + way.steps
    assert case.identified_on == way.identified_on
    assert case.relapses == way.relapses
    assert case.is_green_lane == way.helped_first
    assert (case.closed_on is not None) == (case.closed_as is not None) == (case.state in ENDS)
    if case.state in {S.FOLLOWING, S.RESOLVED}:
        assert case.identified_on is not None
    if case.state in {S.REVIEWING, S.APPROVING}:
        assert case.notice_ends_on is not None
    running = [one for one in clocks if one.stopped_on is None]
    assert len({one.clock for one in running}) == len(running)
    assert len({(one.clock, one.round) for one in clocks}) == len(clocks)
    for one in running:
        assert case.state in RUNS_IN[one.clock], one
    if case.identified_on is not None:
        assert not {Clock.IDENTIFICATION, Clock.GREEN_LANE} & {one.clock for one in running}
    for one in clocks:
        assert one.started_on <= one.due_on
        assert one.stopped_on is None or one.stopped_on >= one.started_on
    deadlines = [one.due_on for one in running if one.clock is not Clock.NOTICE]
    assert case.due_on == (min(deadlines) if deadlines else None)


def some_facts(name: str, on: dt.date, dice: random.Random) -> dict[str, Any]:
    """Facts of a move that are often right, and sometimes not."""
    made: dict[str, Any] = {}
    for one in MOVES[name].facts:
        match one:
            case CodesFact():
                made[one.name] = dice.sample(one.values, dice.randint(1, 5))
            case CodeFact():
                made[one.name] = dice.choice(one.values)
            case FlagFact():
                made[one.name] = dice.random() < 0.2
            case CountFact():
                made[one.name] = dice.randint(one.least, 40)
            case DayFact():
                made[one.name] = (on - dt.timedelta(days=dice.randint(0, 3))).isoformat()
    if "ends_on" in made:
        # A notice that has run, as an elimination tells of, or that only begins.
        published = on - dt.timedelta(days=dice.choice([0, 6, 8, 8]))
        made["reviewed_on"] = made["published_on"] = published.isoformat()
        made["ends_on"] = (published + dt.timedelta(days=dice.choice([4, 5, 5, 7]))).isoformat()
    if dice.random() < 0.05:
        broken = dice.choice(["missing", "more", "kind"])
        if broken == "more" or not made:
            made["note"] = "张三 13800138000"
        elif broken == "missing":
            del made[dice.choice(sorted(made))]
        else:
            made[dice.choice(sorted(made))] = dice.choice([None, [], {}, "x", -1, 1e9, True, "2026-13-01"])
    return made
