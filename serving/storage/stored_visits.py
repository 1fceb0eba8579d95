"""Visits as they are kept, read in somebody's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.cases.account import VisitAccount
from serving.cases.guarantees import Guarantees
from serving.cases.visit import Finding, Rigid
from serving.storage.case_tables import visit


@dataclass(frozen=True)
class StoredVisit:
    """One visit as it was recorded; `body` is `VisitForm.kept`, with the assessment that was answered."""

    id: str
    case_id: str | None
    household_id: str
    village_code: str
    visited_on: dt.date
    received_at: dt.datetime
    visitor: str
    role: str
    is_random: bool
    chance: float | None
    finding: Finding
    body: Mapping[str, Any]

    @property
    def account(self) -> VisitAccount | None:
        """Its income-and-spending account, if one was worked out."""
        kept = self.body.get("account")
        return VisitAccount.of_kept(kept, self.visited_on) if kept else None

    @property
    def guarantees(self) -> Guarantees | None:
        """What it found of the guarantees, if it looked."""
        kept = self.body.get("guarantees")
        return Guarantees.of_kept(kept) if kept else None

    @property
    def rigid_spending(self) -> Rigid | None:
        """What it found of large spending, if it asked."""
        kept = self.body.get("rigid_spending")
        return Rigid(kept) if kept else None


def stored_visit(row: Row[Any]) -> StoredVisit:
    """A visit of a row of the table."""
    return StoredVisit(
        row.id, row.case_id, row.household_id, row.village_code, row.visited_on, row.received_at,
        row.visitor, row.role, bool(row.is_random), row.chance, Finding(row.finding), row.body,
    )  # fmt: skip


def visits_of_case(connection: Connection, case_id: str, since: dt.date | None) -> Sequence[StoredVisit]:
    """The visits of a case from a day on, the earliest first; inside somebody's transaction."""
    query = select(visit).where(visit.c.case_id == case_id)
    if since is not None:
        query = query.where(visit.c.visited_on >= since)
    ordered = query.order_by(visit.c.visited_on, visit.c.received_at, visit.c.id)
    return [stored_visit(one) for one in connection.execute(ordered)]
