"""What has to have been seen at the door before a case is excluded: no alert is argued away from a desk."""

from __future__ import annotations

from serving.cases.codes import EXCLUSIONS, UNVISITED_EXCLUSIONS
from serving.cases.errors import FactsRefused, Reason
from serving.cases.state import CaseState

NO_DIFFICULTY = "no_difficulty"
"""The reason that says of a visit what it found."""


def check_exclusion(reason: str, *, is_met: bool, is_in_need: bool) -> None:
    """Raise `FactsRefused` where a reason needs a visit that nobody handed in, or says what it did not find.

    `is_met`: a visit of the case met somebody; `is_in_need`: the last of them found difficulty or a gap.
    """
    if reason in UNVISITED_EXCLUSIONS:
        return
    if not is_met:
        raise FactsRefused([
            Reason("/facts/reason", "visit_first", "hand in the visit to the household first")
        ])
    if reason == NO_DIFFICULTY and is_in_need:
        way_out = "the last visit found otherwise: visit again, or give another reason"
        raise FactsRefused([Reason("/facts/reason", "difficulty_found", way_out)])


def possible_exclusions(state: CaseState, *, is_met: bool, is_in_need: bool) -> tuple[str, ...]:
    """The reasons that a case may be excluded for from where it stands, as `check_exclusion` has it."""
    if not is_met or state in {CaseState.FOUND, CaseState.ALERTED}:
        return tuple(code for code, _, _ in EXCLUSIONS if code in UNVISITED_EXCLUSIONS)
    return tuple(code for code, _, _ in EXCLUSIONS if not (code == NO_DIFFICULTY and is_in_need))
