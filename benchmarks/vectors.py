"""Speed of both engines: one household through `row`, many through `duckdb`.

    python -m benchmarks.vectors --households 100000 [--json]

The signals are made up from the contracts (about 40 rows a household) and kept in memory; only the engines
are timed.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import statistics
import time
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import typer

from features import CONTRACTS, FEATURES, RowEngine, Signals, build_vectors
from features.dates import to_day
from features.engines.row import stored_row
from features.signals import complete
from features.signals.fields import Category, Count, Date, Field, Flag, Identifier, Money

AS_OF = dt.date(2026, 6, 30)
ROWS_PER_HOUSEHOLD = {
    "household": 1, "member": 3, "income": 15, "illness": 5, "disaster": 0.5, "employment": 2,
    "accident": 0.1, "civil": 0.1, "production": 0.5, "loan": 1, "schooling": 2, "housing": 0.3, "water": 0.3,
    "assistance": 0.8, "disability": 0.2, "declaration": 0.3, "insurance": 3, "guarantee": 1, "account": 2.9,
    "identification": 0.05, "neighbourhood": 1,
}  # fmt: skip
"""Mean rows of each feed, 40 in all; an assumption about three years of a province's records."""

VILLAGE_SIZE = 80


def main(
    households: Annotated[int, typer.Option(help="Households of the batch", min=100)] = 100_000,
    repeats: Annotated[int, typer.Option(help="Households timed one by one", min=100)] = 3_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Time both engines on all features."""
    signals = make_signals(households, np.random.default_rng(1))
    started = time.perf_counter()
    vectors = build_vectors(signals, [AS_OF])
    wall = time.perf_counter() - started
    milliseconds = time_rows(signals, repeats)
    found = {
        "households": len(vectors),
        "features": vectors.shape[1],
        "signal_rows": sum(len(table) for table in signals.tables.values()),
        "duckdb_wall_s": round(wall, 3),
        "row_p50_ms": round(statistics.median(milliseconds), 4),
        "row_p99_ms": round(float(np.quantile(milliseconds, 0.99)), 4),
        "row_to_duckdb_ratio": round(statistics.median(milliseconds) * households / 1000 / wall, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if as_json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>20}: {value:,}")


def make_signals(households: int, rng: np.random.Generator) -> Signals:
    """Signals of the contracts' shapes, drawn column by column."""
    keys = np.array([f"H{number:08d}" for number in range(households)], dtype=object)
    tables = {}
    for feed, contract in CONTRACTS.items():
        rate = ROWS_PER_HOUSEHOLD[feed]
        counts = rng.poisson(rate, households) if rate % 1 else np.full(households, int(rate))
        owner = np.repeat(np.arange(households), counts)
        columns = {one.column: made_column(one, len(owner), rng) for one in contract.fields}
        columns["household_id"] = pa.array(keys[owner])
        days = to_day(AS_OF) - rng.integers(-40, 760, len(owner))
        if feed == "household":
            days = np.full(len(owner), to_day(AS_OF) - 2_000)
            towns = owner // (VILLAGE_SIZE * 12)
            columns["village_code"] = pa.array([
                f"500299{town % 999:03d}{at % 12:03d}"
                for town, at in zip(towns, owner // VILLAGE_SIZE, strict=True)
            ])
        columns["occurred_on"] = as_dates(days)
        columns["known_on"] = as_dates(days + rng.integers(0, 90, len(owner)))
        if contract.kind == "spell":
            is_open = pa.array(rng.random(len(owner)) < (1.1 if feed == "household" else 0.6))
            ended = as_dates(days + rng.integers(0, 500, len(owner)))
            for name in ("ended_on", "ended_known_on"):
                columns[name] = pc.if_else(is_open, pa.scalar(None, pa.date32()), ended)
        tables[feed] = pa.table(columns)
    coverage = complete(CONTRACTS, "500299", dt.date(2020, 1, 1), AS_OF)
    return Signals(tables, coverage)


def made_column(field: Field, rows: int, rng: np.random.Generator) -> Any:
    """Values of one field; dates and keys that matter are set by the caller."""
    match field:
        case Money():
            return pa.array(np.round(rng.lognormal(11, 1, rows)).astype(np.int64))
        case Count():
            return pa.array(rng.integers(field.minimum, min(field.maximum, 60) + 1, rows))
        case Flag():
            return pa.array(rng.random(rows) < 0.1)
        case Category():
            return pa.array(rng.choice(np.array(field.categories, dtype=object), rows))
        case Date():
            return as_dates(to_day(AS_OF) - rng.integers(0, 90 * 365, rows))
        case Identifier():
            return pa.array(np.full(rows, "M1", dtype=object))
    raise TypeError(type(field).__name__)


def as_dates(days: Any) -> Any:
    """Day numbers as Arrow dates."""
    return pa.array(days.astype(np.int32)).view(pa.date32())


def time_rows(signals: Signals, repeats: int) -> list[float]:
    """Milliseconds of one household after another, each with its rows at hand, after a warm-up."""
    engine = RowEngine(FEATURES.values())
    households = signals.tables["household"]["household_id"].slice(0, 200).to_pylist()
    rows = [
        {feed: [stored_row(one) for one in found] for feed, found in signals.household_rows(key).items()}
        for key in households
    ]
    times = []
    for number in range(repeats + len(rows)):
        started = time.perf_counter()
        engine.vector(rows[number % len(rows)], AS_OF, signals.coverage)
        times.append((time.perf_counter() - started) * 1000)
    return times[len(rows) :]


if __name__ == "__main__":
    typer.run(main)
