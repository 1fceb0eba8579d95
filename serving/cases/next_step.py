"""What a recorded visit asks for next: the moves that take it up, in their order. People make them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from serving.cases.case import Case
from serving.cases.moves import MOVES
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
}


@dataclass(frozen=True)
class Met:
    """The last visit of a case that met somebody: its day, and whether it found difficulty or a gap."""

    visited_on: dt.date
    is_difficulty: bool
    has_gap: bool

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


def find_next_step(case: Case, met: Met | None, practice: Practice) -> NextStep | None:
    """What the last visit asks for where the case stands; `None` where it asks for nothing of its own.

    While a household is followed only a visit since then does.
    """
    if met is None or (case.state is S.FOLLOWING and met.visited_on < case.entered_on):
        return None
    moves = (_IN_NEED if met.is_in_need else _NOT_IN_NEED).get(case.state, ())
    if not moves or not set(moves) <= set(practice.moves):
        return None
    return NextStep(met, moves)
