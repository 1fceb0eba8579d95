"""A case: one household's way from its first lead to a risk that is gone, or was none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from serving.cases.state import CLOSED, CaseState


@dataclass(frozen=True)
class Case:
    """One case as it stands. `practice` names the form of the county's practice that holds for it.

    `grade` is a level of that practice, 1 the most urgent; `owner` the role whose turn it is, as `find_turn`
    has it after a move or a visit; `due_on` the earliest deadline that runs; `notice_ends_on` the last day of
    the village notice, while there is one.
    """

    id: str
    household_id: str
    village_code: str
    state: CaseState
    version: int
    practice: str
    opened_on: dt.date
    entered_on: dt.date
    grade: int
    theme: str
    is_hard: bool
    disagreement: str | None
    causes: tuple[str, ...]
    owner: str
    changed_at: dt.datetime
    object_type: str | None = None
    is_without_labour: bool = False
    is_green_lane: bool = False
    identified_on: dt.date | None = None
    notice_ends_on: dt.date | None = None
    closed_on: dt.date | None = None
    closed_as: str | None = None
    relapses: int = 0
    due_on: dt.date | None = None
    last_visited_on: dt.date | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it ended: resolved, excluded, or joined to another."""
        return self.state in CLOSED
