"""Deliveries: everything a department sent of one feed, the refused rows included.

Intake keeps refused rows out of the signals, and rightly. But a feed in which every tenth value is missing
shows it only in what was refused. Here both are read together, the refused ones as far as they can be read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.fields import Count, Date, Field, Flag, Money
from features.signals.store import Signals

Raw: TypeAlias = pd.DataFrame | pa.Table | Path

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
    def load(cls, directory: Path, raw: Path | None = None) -> Deliveries:
        """The folder that intake wrote, with `raw`, the folder it was made of.

        Without `raw` the refused rows stay unknown: the quarantine holds no value. Raises `ContractError`
        when a file is absent or the two folders do not belong together.
        """
        signals = Signals.load(directory)
        if raw is None:
            return cls.of(signals)
        refused = {}
        for feed in CONTRACTS:
            quarantine = directory / "quarantine" / f"{feed}.csv"
            if quarantine.is_file():
                with quarantine.open(encoding="utf-8", newline="") as lines:
                    numbers = sorted({int(row["row"]) for row in csv.DictReader(lines)})
                if numbers:
                    refused[feed] = refused_rows(feed, _find(raw, feed), numbers)
        return cls(signals, refused)


def refused_rows(feed: str, raw: Raw, numbers: Iterable[int]) -> pa.Table:
    """The rows of a raw delivery with these numbers (from 0), read leniently into stored form.

    Raises `ContractError` when the delivery has no such row.
    """
    contract = CONTRACTS[feed]
    given, wanted = _read(raw) if isinstance(raw, Path) else raw, list(numbers)
    if wanted and max(wanted) >= len(given):
        raise ContractError(f"{feed}: the quarantine names rows that the raw delivery does not have")
    if isinstance(given, pd.DataFrame):
        part = _table(given.iloc[wanted])
    else:
        part = given.take(pa.array(wanted, pa.int64()))
    columns = ", ".join(
        f"{_lenient(field) if field.surface in part.column_names else 'NULL'} AS {field.column}"
        for field in contract.fields
    )
    with duckdb.connect() as connection:
        connection.register("part", part)
        read = connection.sql(f"SELECT {columns} FROM part").to_arrow_table()  # noqa: S608
    return read.cast(contract.schema)


def _lenient(field: Field) -> str:
    text = f'CAST("{field.surface}" AS VARCHAR)'
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


def _table(frame: pd.DataFrame) -> pa.Table:
    columns = {}
    for name in frame.columns:
        try:
            columns[str(name)] = pa.Array.from_pandas(frame[name])
        except (pa.ArrowException, OverflowError):
            columns[str(name)] = pa.array([None if one is None else str(one) for one in frame[name]])
    return pa.table(columns)


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            names = next(csv.reader(lines), [])
        texts = pacsv.ConvertOptions(column_types={name: pa.string() for name in names})
        return pacsv.read_csv(path, convert_options=texts)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise ContractError(f"{path} cannot be read as a table") from None


def _find(folder: Path, feed: str) -> Path:
    for ending in (".parquet", ".csv"):
        if (folder / f"{feed}{ending}").is_file():
            return folder / f"{feed}{ending}"
    raise ContractError(f"{folder} lacks {feed}.parquet or {feed}.csv, of which the signals were made")
