"""Why a case cannot be changed so: each class a rule, each reason a stable code, none of them a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import ServingError


@dataclass(frozen=True)
class Reason:
    """One rule that a move breaks: where (a JSON pointer into its body), which, and the way out."""

    pointer: str
    code: str
    way_out: str


class CaseError(ServingError):
    """Anything that the rules of cases refuse."""


class PracticeError(CaseError):
    """A county's practice that cannot be read: the file and the key are named."""


class MoveRefused(CaseError):
    """A move that the rules do not allow. `reasons` are all that are known, the first the most telling."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(one.code for one in reasons))
        self.reasons = tuple(reasons)

    @property
    def code(self) -> str:
        """The code of the first reason."""
        return self.reasons[0].code


class UnknownMove(MoveRefused):
    """There is no such move, or the county's practice does not use it."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "unknown_move", "give one of the moves that the case lists")])


class NotAPerson(MoveRefused):
    """Only somebody who is signed in moves a case: no key, no token, no machine."""

    def __init__(self) -> None:
        super().__init__([Reason("", "not_a_person", "let somebody sign in and do it")])


class WrongRole(MoveRefused):
    """The move is another role's."""

    def __init__(self, roles: Sequence[str]) -> None:
        super().__init__([Reason("/move", "wrong_role", f"this is done by: {', '.join(roles)}")])


class WrongState(MoveRefused):
    """The move does not begin where the case stands."""

    def __init__(self, states: Sequence[str]) -> None:
        super().__init__([Reason("/move", "wrong_state", f"this is done from: {', '.join(states)}")])


class FactsRefused(MoveRefused):
    """Facts that are missing, unknown, or not of their kind."""


class NoticeRunning(MoveRefused):
    """The village notice has not run its days."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "notice_running", "wait for the day after the notice's last day")])


class NotIdentified(MoveRefused):
    """The household is helped first; its paperwork is not done."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "not_identified", "do the paperwork first: move regularise")])


class AlreadyIdentified(MoveRefused):
    """The county has identified the household; there is no paperwork left."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "already_identified", "nothing is left to be done")])


class WithoutLabour(MoveRefused):
    """A whole household without labour (整户无劳动力) is not marked as resolved (DOMAIN §2)."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "without_labour", "go on helping the household")])


class RelapseInstead(MoveRefused):
    """The household was identified before and its risk marked as gone: that it fell back is a relapse."""

    def __init__(self) -> None:
        way_out = "record the relapse of the household's resolved case: this one goes on in it"
        super().__init__([Reason("/move", "relapse_instead", way_out)])


class AnotherOpen(MoveRefused):
    """Another case of the household is open, and identified."""

    def __init__(self) -> None:
        super().__init__([Reason("/move", "another_open", "work on the household's open case")])
