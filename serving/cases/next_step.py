"""What a recorded visit asks for next, and whose turn it therefore is. People make the moves, nobody else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from serving.cases.case import Case
from serving.cases.moves import MOVES
from serving.cases.people import MOVERS
from serving.cases.practice import Practice
from serving.cases.state import CaseState as S

_IN_NEED = {
    S.FOUND: ("alert", "verify"),
    S.ALERTED: ("verify",),
    S.VERIFYING: ("review",),
    S.FOLLOWING: ("help_again",),
}
# A reason that a visit found is taken up once the case is where visits are (see `reason_fits_state`).
_NOT_IN_NEED = {
    S.FOUND: ("alert", "verify", "exclude"),
    S.ALERTED: ("verify", "exclude"),
    S.VERIFYING: ("exclude",),
    S.REVIEWING: ("exclude",),
    S.APPROVING: ("exclude",),
    S.FOLLOWING: ("resolve",),
}


@dataclass(frozen=True)
class Met:
    """The last visit of a case that met somebody: its day, and whether it found difficulty or a gap.

    `is_passed_over`: with it at hand a move was made that goes on otherwise (see `Move.passes_over`).
    """

    visited_on: dt.date
    is_difficulty: bool
    has_gap: bool
    is_passed_over: bool = False

    @property
    def is_in_need(self) -> bool:
        """Whether it found any need."""
        return self.is_difficulty or self.has_gap


@dataclass(frozen=True)
class NextStep:
    """What comes next after a visit: `moves` by name, the first of them now."""

    met: Met
    moves: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """Who makes the first of them."""
        return MOVES[self.moves[0]].roles


def find_next_step(
    case: Case, met: Met | None, practice: Practice, *, is_unlocked: bool = False
) -> NextStep | None:
    """What the last visit asks for where the case stands; `None` where it asks for nothing of its own.

    While a household is followed only a visit since then does, and one that found no need only where every
    condition of the elimination lock holds (`is_unlocked`). That none was in need is no reason to end a case
    with which somebody went on knowing it.
    """
    if met is None:
        return None
    if case.state is S.FOLLOWING and (
        met.visited_on < case.entered_on or not (met.is_in_need or is_unlocked)
    ):
        return None
    if met.is_passed_over and not met.is_in_need:
        return None
    moves = (_IN_NEED if met.is_in_need else _NOT_IN_NEED).get(case.state, ())
    if not moves or not set(moves) <= set(practice.moves):
        return None
    return NextStep(met, moves)


def find_turn(case: Case, met: Met | None, practice: Practice, *, is_unlocked: bool = False) -> str:
    """The role whose turn it is: the state's owner, unless that one may not make the move that the last visit
    asks for. Then it is whoever may, the nearest to the village first."""
    owner = practice.owner(case.state)
    upcoming = find_next_step(case, met, practice, is_unlocked=is_unlocked)
    if upcoming is None or owner in upcoming.roles:
        return owner
    return min(upcoming.roles, key=MOVERS.index)
