"""Whether a case may move, and what it is afterwards: the table of moves applied, without a database."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from serving.cases.card import MOST_CAUSES
from serving.cases.case import Case
from serving.cases.clocks import CaseClock, Clock, find_term
from serving.cases.errors import MoveRefused, NotAPerson, Reason, UnknownMove, WrongRole, WrongState
from serving.cases.facts import check_days, read_facts
from serving.cases.moves import MOVES, OPENING_CLOCKS, Move
from serving.cases.next_step import Met, find_turn
from serving.cases.people import MOVERS
from serving.cases.practice import Practice
from serving.cases.state import CaseState


@dataclass(frozen=True)
class Moved:
    """A case after a move, all its clocks, and the facts as they are kept."""

    case: Case
    clocks: tuple[CaseClock, ...]
    facts: dict[str, Any]


def check_begin(case: Case, name: str, role: str, practice: Practice, made_with: str | None = None) -> Move:
    """The move of that name; raises `MoveRefused` where the role cannot begin it where the case stands, or
    with the move of another case that it is `made_with`."""
    if role not in MOVERS:
        raise NotAPerson
    move = MOVES.get(name)
    if move is None or name not in practice.moves or move.made_with != made_with:
        raise UnknownMove
    if case.state not in move.from_states:
        raise WrongState([one.value for one in move.from_states])
    if role not in move.roles:
        raise WrongRole(move.roles)
    return move


def check_move(
    case: Case,
    name: str,
    role: str,
    facts: object,
    on: dt.date,
    practice: Practice,
    made_with: str | None = None,
) -> dict[str, Any]:
    """The facts of a move as they are kept; raises `MoveRefused`, whose class and codes say which rule."""
    move = check_begin(case, name, role, practice, made_with)
    for hold in move.holds:
        hold(case, on)
    read = read_facts(move.facts, facts, on)
    check_days(move.facts, read, case.opened_on)
    for check in move.checks:
        check(case, read, on)
    return read


def find_hindrances(case: Case, move: Move, on: dt.date) -> tuple[Reason, ...]:
    """Why a move cannot be made today, whatever its facts are; empty where only they are missing."""
    found: list[Reason] = []
    for hold in move.holds:
        try:
            hold(case, on)
        except MoveRefused as refused:
            found += refused.reasons
    return tuple(found)


def possible_moves(case: Case, role: str, practice: Practice) -> tuple[Move, ...]:
    """The moves that a role may begin from where the case stands; their facts are not known yet."""
    found = []
    for name in practice.moves:
        if case.state not in MOVES[name].from_states:
            # Most are told by this alone.
            continue
        try:
            found.append(check_begin(case, name, role, practice))
        except MoveRefused:
            continue
    return tuple(found)


def make_move(
    case: Case,
    clocks: Iterable[CaseClock],
    name: str,
    role: str,
    facts: object,
    on: dt.date,
    practice: Practice,
    at: dt.datetime,
    met: Met | None,
    made_with: str | None = None,
    *,
    is_unlocked: bool = False,
) -> Moved:
    """The case after a move; raises `MoveRefused`. `on` is not before the day of the move before; `met` is
    the last visit of the case that met somebody, `is_unlocked` whether the elimination lock is open."""
    read = check_move(case, name, role, facts, on, practice, made_with)
    move = MOVES[name]
    state = move.reaches(case.state)
    kept = stop_clocks(clocks, move.stops, on)
    begun_before = {one.clock for one in kept} & move.only_first
    started = start_clocks(kept, move.starts - begun_before, practice, state, case.village_code, on)
    changes: dict[str, Any] = move.effect(case, read, on) if move.effect else {}
    made = dataclasses.replace(
        case,
        state=state,
        version=case.version + 1,
        entered_on=on if state is not case.state else case.entered_on,
        due_on=earliest_due(started, case.village_code),
        changed_at=at,
        **changes,
    )
    known = dataclasses.replace(met, is_passed_over=True) if met and move.passes_over else met
    return Moved(
        dataclasses.replace(made, owner=find_turn(made, known, practice, is_unlocked=is_unlocked)),
        started,
        read,
    )


def take_in(case: Case, joined: Case) -> Case:
    """A case that is open again, with what is alleged of the household in the one that was open instead.

    How urgent it is, and why, is what is alleged now; the causes that the county found come first.
    """
    causes = tuple(dict.fromkeys((*case.causes, *joined.causes)))[:MOST_CAUSES]
    return dataclasses.replace(
        case, grade=joined.grade, theme=joined.theme, is_hard=joined.is_hard,
        disagreement=joined.disagreement, causes=causes,
    )  # fmt: skip


def opening_clocks(practice: Practice, village_code: str, on: dt.date) -> tuple[CaseClock, ...]:
    """The clocks of a case that its first lead opens."""
    return start_clocks((), OPENING_CLOCKS, practice, CaseState.FOUND, village_code, on)


def stop_clocks(clocks: Iterable[CaseClock], stops: Iterable[Clock], on: dt.date) -> tuple[CaseClock, ...]:
    """The clocks, those of `stops` that run stopped on a day."""
    stopped = frozenset(stops)
    return tuple(
        dataclasses.replace(one, stopped_on=on) if one.is_running and one.clock in stopped else one
        for one in clocks
    )


def start_clocks(
    clocks: Iterable[CaseClock],
    starts: Iterable[Clock],
    practice: Practice,
    state: CaseState,
    village_code: str,
    on: dt.date,
) -> tuple[CaseClock, ...]:
    """The clocks and those that begin on a day: of `starts` what the practice has and does not run yet."""
    there = tuple(clocks)
    running = {one.clock for one in there if one.is_running}
    begun = []
    for clock in sorted(frozenset(starts) & practice.clocks(state) - running):
        rounds = sum(one.clock is clock for one in there)
        due = find_term(clock, village_code, on).due_on(on).day
        begun.append(CaseClock(clock, rounds + 1, on, due))
    return (*there, *begun)


def earliest_due(clocks: Iterable[CaseClock], village_code: str) -> dt.date | None:
    """The earliest deadline that runs; what only has to last so long is none."""
    return min(
        (
            one.due_on
            for one in clocks
            if one.is_running and not find_term(one.clock, village_code, one.started_on).is_least
        ),
        default=None,
    )
