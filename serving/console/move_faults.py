"""Why a move was not made, or cannot be made now, in words."""

from __future__ import annotations

from serving.cases.elimination import find_named_unmet, unmet_text
from serving.cases.errors import Reason
from serving.cases.moves import Move
from serving.console.texts import COLON, texts
from serving.errors import FieldError

_FACTS = "/facts/"


def fault_text(error: FieldError | Reason, move: Move, language: str) -> str:
    """One rule that a move breaks, in words."""
    unmet = find_named_unmet(error.code)
    # Some conditions of the elimination are rules of other moves as well, with a way out of their own.
    if unmet is not None and (move.name == "resolve" or error.code not in _FAULTS):
        return unmet_text(unmet, language)
    told = texts(language)[_FAULTS.get(error.code, "fault_other")]
    name = error.pointer.removeprefix(_FACTS).partition("/")[0]
    fact = next((one for one in move.facts if one.name == name), None)
    return f"{fact.zh if language == 'zh' else fact.en}{COLON[language]}{told}" if fact else str(told)


_FAULTS = {
    "missing": "fault_missing",
    "not_a_date": "fault_date",
    "in_the_future": "fault_future",
    "out_of_range": "fault_range",
    "not_a_whole_number": "fault_range",
    "before_lead": "fault_before_lead",
    "before_review": "fault_before_review",
    "before_step": "fault_before_step",
    "notice_too_short": "fault_notice_short",
    "notice_running": "fault_notice_running",
    "not_identified": "fault_not_identified",
    "already_identified": "fault_already_identified",
    "another_open": "fault_another_open",
    "relapse_instead": "fault_relapse_instead",
    "visit_first": "fault_visit_first",
    "register_differs": "fault_register_differs",
    "wrong_role": "fault_role",
    "wrong_state": "fault_state",
    "unknown_move": "fault_state",
    "without_labour": "fault_labour",
}
"""Codes of rules, and the keys of their words."""
