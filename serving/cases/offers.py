"""What a role is offered to do with a case: the moves that it may begin, and what each of them waits for.

Page and API both offer this. What would be refused whatever its facts are is named with what is missing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving.cases.case import Case
from serving.cases.elimination import Condition, EliminationLocked
from serving.cases.errors import Reason, RelapseInstead
from serving.cases.exclusion import possible_exclusions
from serving.cases.facts import CodeFact
from serving.cases.moves import IDENTIFY, Move
from serving.cases.moving import find_hindrances, possible_moves
from serving.cases.next_step import Met, find_next_step
from serving.cases.object_type import Background, fits_background
from serving.cases.practice import Practice

_OVER = frozenset({"already_identified"})
"""What leaves nothing to be done: the move is not offered at all."""


@dataclass(frozen=True)
class Beside:
    """What is recorded beside a case: the last visit that met somebody, of an open case that is identified
    the conditions of the elimination lock, whether another case of the household is resolved, and what the
    register says, where it was asked."""

    met: Met | None = None
    conditions: Sequence[Condition] = ()
    has_resolved: bool = False
    background: Background | None = None

    @property
    def is_unlocked(self) -> bool:
        """Whether every condition of the elimination lock holds."""
        return bool(self.conditions) and all(one.is_met for one in self.conditions)


@dataclass(frozen=True)
class Offer:
    """A move whose facts have only the codes that would be taken; with `hindrances` it cannot be made now."""

    move: Move
    hindrances: tuple[Reason, ...] = ()


def find_offers(case: Case, role: str, practice: Practice, beside: Beside, on: dt.date) -> tuple[Offer, ...]:
    """The moves of a role from where the case stands, what the last visit asks for first."""
    upcoming = find_next_step(case, beside.met, practice, is_unlocked=beside.is_unlocked)
    wanted = upcoming.moves if upcoming else ()
    made = [
        Offer(_narrowed(one, case, beside), _hindrances(one, case, beside, on))
        for one in possible_moves(case, role, practice)
    ]
    return tuple(
        sorted(
            (one for one in made if not any(each.code in _OVER for each in one.hindrances)),
            key=lambda one: wanted.index(one.move.name) if one.move.name in wanted else len(wanted),
        )
    )


def _hindrances(move: Move, case: Case, beside: Beside, on: dt.date) -> tuple[Reason, ...]:
    if move.name == "resolve" and beside.conditions:
        # What the move itself holds is among the conditions.
        return EliminationLocked([each for one in beside.conditions for each in one.unmet]).reasons
    instead = RelapseInstead().reasons if move.name == IDENTIFY and beside.has_resolved else ()
    return (*instead, *find_hindrances(case, move, on))


def _narrowed(move: Move, case: Case, beside: Beside) -> Move:
    if move.name == "exclude":
        met = beside.met
        possible = possible_exclusions(
            case.state, is_met=met is not None, is_in_need=met is not None and met.is_in_need
        )
        return _with_codes(move, "reason", lambda code: code in possible)
    if move.name == IDENTIFY:
        return _with_codes(move, "object_type", lambda code: fits_background(code, beside.background))
    return move


def _with_codes(move: Move, name: str, fits: Callable[[str], bool]) -> Move:
    facts = (
        dataclasses.replace(one, codes=tuple(code for code in one.codes if fits(code[0])))
        if isinstance(one, CodeFact) and one.name == name
        else one
        for one in move.facts
    )
    return dataclasses.replace(move, facts=tuple(facts))
