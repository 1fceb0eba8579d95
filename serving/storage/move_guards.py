"""What stands in front of moves: asked within a move's transaction, with what is recorded beside the case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from serving.cases.case import Case
from serving.cases.errors import RelapseInstead
from serving.cases.exclusion import check_exclusion
from serving.cases.moves import IDENTIFY
from serving.storage.beside import has_resolved
from serving.storage.cases import Guard
from serving.storage.elimination import lock_elimination
from serving.storage.keys import utc_now
from serving.storage.met import find_met


def move_guards(now: Callable[[], dt.datetime] = utc_now) -> Mapping[str, Guard]:
    """The guards of a service, by the moves that they are asked about."""
    return {
        "resolve": lock_elimination(now),
        "exclude": look_before_exclusion,
        IDENTIFY: look_before_identification,
    }


def look_before_exclusion(connection: Connection, case: Case, facts: Mapping[str, Any]) -> None:
    """The guard of the move that says a case is none: it raises `FactsRefused`."""
    met = find_met(connection, case.id)
    check_exclusion(facts["reason"], is_met=met is not None, is_in_need=met is not None and met.is_in_need)


def look_before_identification(connection: Connection, case: Case, facts: Mapping[str, Any]) -> None:
    """The guard of the county's identification: it raises `RelapseInstead` (DOMAIN §2: relapse after an
    elimination is 风险回退, no new identification)."""
    if has_resolved(connection, case):
        raise RelapseInstead
