"""What was sent of a household, or waits to be: events of the outbox, and answers kept for repeated requests.

Neither is casework and neither is of use without what it tells of: both are deleted, and not renamed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Connection, Table, delete, func, select, type_coerce

from serving.storage.tables import idempotency_key, webhook_delivery

_HOUSEHOLDS: dict[Table, Any] = {
    webhook_delivery: type_coerce(webhook_delivery.c.event, JSON)["data", "household_id"].as_string(),
    # Moves of cases alone are answered with a household.
    idempotency_key: type_coerce(idempotency_key.c.answer, JSON)["body", "case", "household_id"].as_string(),
}
SENT: tuple[Table, ...] = tuple(_HOUSEHOLDS)
"""Tables whose documents may tell of a household."""


def households_of(connection: Connection, table: Table) -> set[str]:
    """The keys of all households that a table of `SENT` tells of."""
    found = connection.execute(select(_HOUSEHOLDS[table]).distinct()).scalars()
    return {one for one in found if one is not None}


def count_sent(connection: Connection, household_id: str) -> int:
    """How many events and kept answers tell of a household."""
    return sum(
        connection.execute(select(func.count()).select_from(table).where(told == household_id)).scalar_one()
        for table, told in _HOUSEHOLDS.items()
    )


def remove_sent(connection: Connection, household_id: str) -> None:
    """Delete every event and kept answer that tells of a household, whether it was sent or waits."""
    for table, told in _HOUSEHOLDS.items():
        connection.execute(delete(table).where(told == household_id))
