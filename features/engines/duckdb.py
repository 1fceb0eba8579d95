"""The batch engine: the flat SQL text of one as-of date, run by DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from features.definitions import FEATURES
from features.engines.plan import Plan

# `compile_sql` is asked for here, too: this is the engine that runs it where no cluster is.
from features.engines.sql import compile_sql as compile_sql
from features.engines.sql import coverage_table, households_sql, quoted, with_integer_days
from features.language.feature import Feature
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage
from features.signals.store import Signals

Progress = Callable[[int, int], None]

Stored: TypeAlias = pa.Table | Path
"""A feed's stored table, or the Parquet file that holds it."""


def build_vectors(
    signals: Signals,
    as_of_dates: Sequence[dt.date],
    *,
    features: Iterable[Feature] | None = None,
    region: str = DEFAULT_REGION,
    progress: Progress | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Vectors of all households registered on each as-of date, as they could be known on that date.

    Returns a float64 frame, one column a feature, indexed by (household_id, as_of_date) and sorted by
    date, then household; amounts are in yuan and missing values are NaN. `progress` is called with
    (dates done, dates in all). Raises `PolicyError` where a date has no policy value in force.
    """
    chosen = tuple(FEATURES.values() if features is None else features)
    parts = []
    with VectorQuery(signals.tables, signals.coverage, chosen, region=region, threads=threads) as query:
        for done, as_of in enumerate(sorted(as_of_dates), 1):
            frame = query.table(as_of).to_pandas()
            frame.insert(1, "as_of_date", pd.Timestamp(as_of))
            parts.append(frame)
            if progress:
                progress(done, len(as_of_dates))
    names = [one.name for one in chosen]
    keys = ["household_id", "as_of_date"]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*keys, *names])
    return whole.set_index(keys)[names].astype("float64")


class VectorQuery:
    """Features asked of signals as of one date after another, in one DuckDB connection. Closed by `with`.

    `sources` has for each feed its stored table, or the Parquet file that holds it, which is then read as the
    query goes. `memory_mb` bounds what the query holds; without it DuckDB takes most of the machine's.
    """

    def __init__(
        self,
        sources: Mapping[str, Stored],
        coverage: Coverage,
        features: Iterable[Feature],
        *,
        region: str = DEFAULT_REGION,
        threads: int | None = None,
        memory_mb: int | None = None,
    ) -> None:
        self.connection = duckdb.connect()
        self._coverage = coverage
        self._region = region
        self._plan = Plan(features)
        if threads:
            self.connection.execute(f"SET threads = {int(threads)}")
        if memory_mb:
            self.connection.execute(f"SET memory_limit = '{int(memory_mb)}MB'")
        for feed, source in sources.items():
            if isinstance(source, Path):
                self.connection.execute(f"CREATE VIEW {feed} AS {_integer_days_of_file(feed, source)}")
            else:
                self.connection.register(feed, with_integer_days(source))

    def __enter__(self) -> VectorQuery:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def homes(self, as_of: dt.date) -> pa.Table:
        """household_id and village_code of every household that is registered on the date."""
        return self.connection.sql(households_sql(as_of)).to_arrow_table()

    def table(self, as_of: dt.date) -> pa.Table:
        """household_id and one float64 column a feature, null where missing, sorted by household."""
        return self.connection.sql(self._prepared(as_of)).to_arrow_table()

    def write(self, as_of: dt.date, path: Path) -> None:
        """The same as a Parquet file, written as the rows come."""
        self.connection.execute(
            f"COPY ({self._prepared(as_of)}) TO {quoted(str(path))} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )

    def _prepared(self, as_of: dt.date) -> str:
        households = self.homes(as_of)
        villages = households["village_code"].unique().to_pylist()
        self.connection.register("h", households)
        covered = coverage_table(self._coverage, villages, as_of, self._region, self._plan)
        self.connection.register("coverage", covered)
        return f"{compile_sql(self._plan, as_of, self._region)}\nORDER BY j.household_id"


def registered_villages(register: Stored, as_of: dt.date) -> pd.Series[str]:
    """The village of every household that is registered on a date, by household."""
    with VectorQuery({"household": register}, Coverage(), ()) as query:
        found = query.homes(as_of).to_pandas()
    homes: pd.Series[str] = found.set_index("household_id")["village_code"].sort_index()
    return homes


def _integer_days_of_file(feed: str, path: Path) -> str:
    columns = [
        f"CAST({one.name} - DATE '1970-01-01' AS INTEGER) AS {one.name}"
        if pa.types.is_date32(one.type)
        else one.name
        for one in CONTRACTS[feed].schema
    ]
    return f"SELECT {', '.join(columns)} FROM read_parquet({quoted(str(path))})"
