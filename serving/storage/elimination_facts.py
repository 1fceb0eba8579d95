"""What the elimination lock is judged by, gathered in somebody's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, select

from serving.cases.case import Case
from serving.cases.clocks import region_of
from serving.cases.elimination import EliminationFacts, IncomeReading, find_unmet
from serving.cases.guarantees import Guarantees
from serving.cases.moves import RELAPSE
from serving.cases.state import CaseState
from serving.cases.visit import Finding
from serving.storage.case_history import last_move_on
from serving.storage.case_tables import case_file
from serving.storage.planned_help import measures_of
from serving.storage.stored_visits import visits_of_case

_HELPED = {CaseState.HELPING, CaseState.FOLLOWING}


def is_unlocked(connection: Connection, case: Case, on: dt.date) -> bool:
    """Whether nothing of the lock of a case that is helped or followed is unmet on a day."""
    return case.state in _HELPED and not find_unmet(gather_facts(connection, case, on))


def gather_facts(connection: Connection, case: Case, on: dt.date) -> EliminationFacts:
    """What is recorded of a case, for the lock. After a relapse (风险回退) what counts begins anew."""
    relapsed_on = last_move_on(connection, case.id, RELAPSE)
    since = relapsed_on or case.identified_on
    visits = visits_of_case(connection, case.id, since) if since else []
    met = [one for one in visits if one.finding is not Finding.NOT_MET]
    last = met[-1] if met else None
    accounts = [(one.visited_on, one.account) for one in met]
    arrived = (
        [each for each in one.deliveries if relapsed_on is None or each.delivered_on >= relapsed_on]
        for each in (case.id, *_joined_to(connection, case))
        for one in measures_of(connection, each)
    )
    delivered = [one for one in arrived if one]
    checked = last.guarantees if last is not None else None
    return EliminationFacts(
        on=on,
        region=region_of(case.village_code),
        identified_on=case.identified_on,
        is_without_labour=case.is_without_labour,
        deliveries=len(delivered),
        last_delivered_on=max((one.delivered_on for each in delivered for one in each), default=None),
        readings=[
            IncomeReading(day, account.income.total_fen, account.members)
            for day, account in accounts
            if account is not None
        ],
        last_met_on=last.visited_on if last else None,
        finding=last.finding if last else None,
        guarantees=checked or Guarantees({}),
        rigid_spending=last.rigid_spending if last else None,
    )


def _joined_to(connection: Connection, case: Case) -> Sequence[str]:
    """The cases that went on in a household's relapse: what was planned first arrives under them."""
    if not case.relapses:
        return ()
    query = select(case_file.c.id).where(
        case_file.c.household_id == case.household_id,
        case_file.c.village_code == case.village_code,
        case_file.c.state == CaseState.JOINED.value,
    )
    return connection.execute(query).scalars().all()
