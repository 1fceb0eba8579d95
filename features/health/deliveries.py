"""Deliveries: everything a department sent of one feed, the refused rows included.

Intake keeps refused rows out of the signals, and rightly. But a feed in which every tenth value is missing
shows it only in what was refused. Here both are read together, the refused ones as far as they can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.connection import connect
from features.signals import CONTRACTS
from features.signals.fields import Count, Date, Field, Flag, Money
from features.signals.quarantine import Quarantine
from features.signals.store import Signals

_FARTHEST = 1e13
"""Numbers beyond it are no amounts in any unit; they count as unreadable."""


@dataclass(frozen=True)
class Deliveries:
    """The signals with, for each feed, the rows that intake refused, in stored form.

    A cell of a refused row is null where nothing in it could be read; a category keeps whatever word it has
    and an amount its size, so that a new code or a wrong unit can be recognised.
    """

    signals: Signals
    refused: Mapping[str, pa.Table]

    @classmethod
    def of(cls, signals: Signals) -> Deliveries:
        """Without the refused rows; missing values and new categories are then seen only as lacking rows."""
        return cls(signals, {})

    @classmethod
    def load(cls, directory: Path) -> Deliveries:
        """The folder that intake wrote, with what waits in its quarantine.

        Raises `ContractError` when a file is absent or misshapen.
        """
        return cls(Signals.load(directory), refused_of(directory))


def refused_of(directory: Path) -> dict[str, pa.Table]:
    """What waits in the quarantine of a folder that intake wrote, in stored form."""
    refused = {}
    for feed, contract in CONTRACTS.items():
        path = directory / "quarantine" / f"{feed}.csv"
        if path.is_file():
            refused[feed] = refused_rows(feed, Quarantine.read(contract, path).to_table())
    return refused


def refused_rows(feed: str, delivered: pa.Table) -> pa.Table:
    """Rows as they were delivered, all text, read leniently into stored form."""
    contract = CONTRACTS[feed]
    columns = ", ".join(
        f"{_lenient(field) if field.surface in delivered.column_names else 'NULL'} AS {field.column}"
        for field in contract.fields
    )
    with connect() as connection:
        connection.register("part", delivered)
        read = connection.sql(f"SELECT {columns} FROM part").to_arrow_table()  # noqa: S608
    return read.cast(contract.schema)


def _lenient(field: Field) -> str:
    text = f'"{field.surface}"'
    number = f"TRY_CAST({text} AS DOUBLE)"
    if isinstance(field, Money):
        return f"CASE WHEN ABS({number}) < {_FARTHEST} THEN CAST(ROUND({number} * 100) AS BIGINT) END"
    if isinstance(field, Count):
        return f"CASE WHEN ABS({number}) < {_FARTHEST} THEN CAST(ROUND({number}) AS BIGINT) END"
    if isinstance(field, Flag):
        return f"TRY_CAST({text} AS BOOLEAN)"
    if isinstance(field, Date):
        return f"TRY_CAST({text}[1:10] AS DATE)"
    return f"NULLIF({text}, '')"
