"""When a run last said something of an area: of several of one date, the last to do so stands for it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, Connection, Table, func, select

from serving.access import Scope
from serving.storage.ranges import inside
from serving.storage.runs import Run
from serving.storage.tables import assessment, unheard_household


def last_written(connection: Connection, scope: Scope, run: Run) -> dt.datetime:
    """The moment, with a score or without one; the beginning of time for a run that has nothing there.

    Of the assessments it is that of the row that was added last.
    """
    # Found by its number, in an index: the moments lie behind the answers, which are long.
    last = select(func.max(assessment.c.id)).where(*_there(assessment, scope, run))
    number = connection.execute(last).scalar()
    scored = connection.execute(select(assessment.c.written_at).where(assessment.c.id == number)).scalar()
    at = unheard_household.c.written_at
    silent = connection.execute(
        select(func.max(at, type_=at.type)).where(*_there(unheard_household, scope, run))
    ).scalar()
    return max(scored or _NEVER, silent or _NEVER)


def _there(of: Table, scope: Scope, run: Run) -> list[ColumnElement[bool]]:
    return [
        of.c.as_of_date == run.as_of_date,
        of.c.model_version == run.model_version,
        scope.condition(of.c.village_code),
        *inside(scope.prefix, of.c.village_code),
    ]


_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
