"""Made-up signals of a province, drawn column by column from the contracts and stored as intake does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import CONTRACTS, Coverage
from features.dates import to_day
from features.errors import ContractError
from features.signals import Delivery
from features.signals.buckets import HOUSEHOLDS_PER_BUCKET, Buckets, BucketWriter
from features.signals.fields import Category, Count, Date, Field, Flag, Identifier, Money

AS_OF = dt.date(2026, 6, 30)
ROWS_PER_HOUSEHOLD = {
    "household": 1, "member": 3, "income": 15, "illness": 5, "disaster": 0.5, "employment": 2,
    "accident": 0.1, "civil": 0.1, "production": 0.5, "loan": 1, "schooling": 2, "housing": 0.3, "water": 0.3,
    "assistance": 0.8, "disability": 0.2, "declaration": 0.3, "insurance": 3, "guarantee": 1, "account": 2.9,
    "identification": 0.05, "neighbourhood": 1,
}  # fmt: skip
"""Mean rows of each feed, 40 in all; an assumption about three years of a province's records. Those of
`neighbourhood` are made by the batch itself, from the others."""

VILLAGE_SIZE, VILLAGES_PER_TOWN, TOWNS_PER_COUNTY = 80, 12, 200
MONTHS = 36
MADE_BY_BATCH = "neighbourhood"

Progress = Callable[[int, int], None]


def stored_signals(folder: Path, households: int, progress: Progress | None = None) -> Buckets:
    """The signals of that many households, made once and kept in the folder."""
    if (folder / "signals.json").is_file():
        with suppress(ContractError):
            return Buckets.open(folder)
    writer = BucketWriter(folder)
    starts = [*range(0, households, HOUSEHOLDS_PER_BUCKET), households]
    for done, (first, last) in enumerate(pairwise(starts)):
        if progress:
            progress(first, households)
        writer.add(made_tables(first, last, np.random.default_rng([1, done])))
    return writer.finish(Coverage(_deliveries(households)))


def made_tables(first: int, last: int, rng: np.random.Generator) -> dict[str, pa.Table]:
    """The tables of the households with numbers from `first` to before `last`."""
    keys = pa.array([f"H{number:08d}" for number in range(first, last)])
    tables = {}
    for feed, contract in CONTRACTS.items():
        rate = 0 if feed == MADE_BY_BATCH else ROWS_PER_HOUSEHOLD[feed]
        households = last - first
        counts = rng.poisson(rate, households) if rate % 1 else np.full(households, int(rate))
        owner = np.repeat(np.arange(households), counts)
        columns = {one.column: _column(one, len(owner), rng) for one in contract.fields}
        columns["household_id"] = keys.take(pa.array(owner))
        days = to_day(AS_OF) - rng.integers(-40, 760, len(owner))
        if feed == "household":
            days = np.full(len(owner), to_day(AS_OF) - 2_000)
            columns["village_code"] = pa.array([_village(number) for number in range(first, last)])
        columns["occurred_on"] = as_dates(days)
        columns["known_on"] = as_dates(days + rng.integers(0, 90, len(owner)))
        if contract.kind == "spell":
            is_open = pa.array(rng.random(len(owner)) < (1.1 if feed == "household" else 0.6))
            ended = as_dates(days + rng.integers(0, 500, len(owner)))
            for name in ("ended_on", "ended_known_on"):
                columns[name] = pc.if_else(is_open, pa.scalar(None, pa.date32()), ended)
        tables[feed] = pa.table(columns, schema=contract.schema)
    return tables


def as_dates(days: Any) -> Any:
    """Day numbers as Arrow dates."""
    return pa.array(days.astype(np.int32)).view(pa.date32())


def _village(household: int) -> str:
    village = household // VILLAGE_SIZE
    town, county = village // VILLAGES_PER_TOWN, village // (VILLAGES_PER_TOWN * TOWNS_PER_COUNTY)
    return f"50{1000 + county}{town % TOWNS_PER_COUNTY:03d}{village % VILLAGES_PER_TOWN:03d}"


def _column(field: Field, rows: int, rng: np.random.Generator) -> Any:
    """Values of one field; dates and keys that matter are set by the caller."""
    match field:
        case Money():
            return pa.array(np.round(rng.lognormal(11, 1, rows)).astype(np.int64))
        case Count():
            return pa.array(rng.integers(field.minimum, min(field.maximum, 60) + 1, rows))
        case Flag():
            return pa.array(rng.random(rows) < 0.1)
        case Category():
            return pa.array(field.categories).take(pa.array(rng.integers(0, len(field.categories), rows)))
        case Date():
            return as_dates(to_day(AS_OF) - rng.integers(0, 90 * 365, rows))
        case Identifier():
            return pa.array(["M1"]).take(pa.array(np.zeros(rows, np.int64)))
    raise TypeError(type(field).__name__)


def _deliveries(households: int) -> Iterator[Delivery]:
    """Every county delivers every feed month by month, known at the month's end."""
    villages = (households - 1) // VILLAGE_SIZE
    for county in range(villages // (VILLAGES_PER_TOWN * TOWNS_PER_COUNTY) + 1):
        for feed in CONTRACTS:
            for back in range(MONTHS):
                year, month = divmod(AS_OF.year * 12 + AS_OF.month - 1 - back, 12)
                first = dt.date(year, month + 1, 1)
                following = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
                last = following - dt.timedelta(days=1)
                if feed != MADE_BY_BATCH:
                    yield Delivery(feed, f"50{1000 + county}", first, last, last)
