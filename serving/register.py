"""What the register of households says, looked up before a county identifies one.

Before the transaction of the move and not within it: signals are files, and nobody else waits for them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from features.engines.row import Rows
from features.signals import CONTRACTS
from features.signals.contract import ENDED_ON
from serving.access import Caller, Scope
from serving.cases.errors import FactsRefused
from serving.cases.moves import IDENTIFY, MOVES
from serving.cases.moving import possible_moves
from serving.cases.object_type import Background, check_object_type
from serving.cases.offers import Beside
from serving.cases.practice import get_practice
from serving.errors import Problem
from serving.signals_folder import SignalsFolder
from serving.storage.case_history import WholeCase
from serving.storage.cases import CaseStore, problem_of

FEED = "household"
_NOT_NOW = {"signals_not_kept", "signals_failed"}
_FIELD = CONTRACTS[FEED].field("background")


class Register:
    """The register of one service: where it keeps no signals, or has no such household, nothing is known."""

    def __init__(self, signals: SignalsFolder, cases: CaseStore) -> None:
        self.signals = signals
        self.cases = cases

    def find_background(self, household_id: str, village_code: str, today: dt.date) -> Background | None:
        """Whether a household that the caller may see was registered poor, corrections laid over."""
        try:
            found, _ = self.signals.find([household_id], today, Scope(village_code), (FEED,))
        except Problem as problem:
            if problem.code not in _NOT_NOW:
                raise
            return None
        return background_of(found[household_id].rows) if household_id in found else None

    def ask_for(self, whole: WholeCase, role: str, today: dt.date) -> Beside:
        """What is recorded beside a case, and what the register says where the role is about to identify."""
        case = whole.case
        moves = possible_moves(case, role, get_practice(case.practice))
        if all(one.name != IDENTIFY for one in moves):
            return whole.beside
        found = self.find_background(case.household_id, case.village_code, today)
        return replace(whole.beside, background=found)

    def check_move(self, caller: Caller, case_id: str, move: str, facts: object) -> None:
        """Raise `Problem` (``move_not_allowed``) for an identification as a type that the register rules out.

        Whatever else is wrong with a move the store says.
        """
        # Whoever may not make the move is told that, and nothing that the register says.
        if move != IDENTIFY or caller.role not in MOVES[IDENTIFY].roles or not isinstance(facts, Mapping):
            return
        object_type, case = facts.get("object_type"), self.cases.find(caller, case_id)
        if case is None or not isinstance(object_type, str):
            return
        try:
            check_object_type(
                object_type, self.find_background(case.household_id, case.village_code, self.cases.today)
            )
        except FactsRefused as refused:
            raise problem_of(refused) from None


def background_of(rows: Rows) -> Background | None:
    """What the rows of the register that have not ended say; registered poor once is registered poor."""
    said = {
        str(_FIELD.to_surface(row[_FIELD.column]))
        for row in rows.get(FEED, ())
        if row.get(ENDED_ON) is None and row.get(_FIELD.column) is not None
    }
    for one in Background:
        if one.value in said:
            return one
    return None
