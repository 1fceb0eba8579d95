"""The batch engine: the flat SQL text of one as-of date, run by DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from features.connection import connect
from features.definitions import FEATURES
from features.engines.plan import Plan
from features.engines.sql import compile_sql, coverage_table, households_sql, quoted, with_integer_days
from features.errors import ContractError, RunError
from features.facts import latest_facts_sql
from features.language.feature import Feature
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage
from features.signals.store import Signals

Progress = Callable[[int, int], None]

Stored: TypeAlias = pa.Table | Sequence[Path]
"""A feed's stored table, or the Parquet files that hold it."""


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
    with VectorQuery(chosen, region=region, limits=Limits(threads)) as query:
        query.read(signals.tables, signals.coverage)
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


@dataclass(frozen=True)
class Limits:
    """What a query may take of the machine: threads, memory, and the folder that it writes to beyond that.

    Without them DuckDB takes all cores and most of the memory.
    """

    threads: int | None = None
    memory_mb: int | None = None
    spill: Path | None = None


class VectorQuery:
    """Features asked of signals as of a date, in one DuckDB connection. Closed by `with`.

    `feeds` are those that are read: the register, those of the features, and `also` those that are given;
    `coverage` is that of the signals that are asked.
    """

    def __init__(
        self,
        features: Iterable[Feature],
        *,
        also: Iterable[str] = (),
        region: str = DEFAULT_REGION,
        limits: Limits | None = None,
    ) -> None:
        self._open = ExitStack()
        self.connection = self._open.enter_context(connect())
        self.plan = Plan(features)
        self.feeds = tuple(dict.fromkeys(["household", *(one.feed for one in self.plan.feeds), *also]))
        self._region = region
        self.coverage = Coverage()
        # Joins run in the order that they are written in: looking for a better one takes a third of the time
        # that planning twenty of them does, and finds none.
        self.connection.execute("SET disabled_optimizers = 'join_order'")
        # Answers are sorted where it matters; keeping rows in the order of files would cost memory.
        self.connection.execute("SET preserve_insertion_order = false")
        if limits and limits.threads:
            self.connection.execute(f"SET threads = {int(limits.threads)}")
        if limits and limits.memory_mb:
            self.connection.execute(f"SET memory_limit = '{int(limits.memory_mb)}MB'")
        if limits and limits.spill:
            self.connection.execute(f"SET temp_directory = {quoted(str(limits.spill))}")

    def __enter__(self) -> VectorQuery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and remove what it wrote to disk."""
        self._open.close()

    def read(self, sources: Mapping[str, Stored], coverage: Coverage) -> None:
        """Ask these signals from now on.

        `sources` has for each feed its stored table, or the Parquet files that hold it, which are read as the
        query goes.
        """
        self.coverage = coverage
        for feed in self.feeds:
            source = sources[feed]
            if isinstance(source, pa.Table):
                self.connection.register(feed, with_integer_days(source))
                continue
            with reading_signals():
                self.connection.execute(
                    f"CREATE OR REPLACE VIEW {feed} AS {integer_days_of_files(feed, source)}"
                )

    def homes(self, as_of: dt.date) -> pa.Table:
        """household_id and village_code of every household that is registered on the date."""
        with reading_signals():
            return self.connection.sql(households_sql(as_of)).to_arrow_table()

    def table(self, as_of: dt.date) -> pa.Table:
        """household_id, `SILENT_FEEDS` and one float64 column a feature, null where missing, by household."""
        with reading_signals():
            return self.connection.sql(self._prepared(as_of)).to_arrow_table()

    def latest_facts(self, as_of: dt.date) -> pa.Table:
        """household_id, village_code and the latest record of every feed that is read, by household.

        Its columns are those of `latest_facts_sql`.
        """
        with reading_signals():
            self.connection.register("h", self.homes(as_of))
            text = latest_facts_sql(as_of, [one for one in CONTRACTS if one in self.feeds])
            return self.connection.sql(f"{text} ORDER BY h.household_id").to_arrow_table()

    def write(self, as_of: dt.date, path: Path) -> None:
        """The same as a Parquet file, written as the rows come."""
        with reading_signals():
            self.connection.execute(
                f"COPY ({self._prepared(as_of)}) TO {quoted(str(path))} "
                "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            )

    def _prepared(self, as_of: dt.date) -> str:
        households = self.homes(as_of)
        villages = households["village_code"].unique().to_pylist()
        self.connection.register("h", households)
        covered = coverage_table(self.coverage, villages, as_of, self._region, self.plan)
        self.connection.register("coverage", covered)
        return f"{compile_sql(self.plan, as_of, self._region)}\nORDER BY j.household_id"


def registered_villages(register: Stored, as_of: dt.date) -> pd.Series[str]:
    """The village of every household that is registered on a date, by household."""
    with VectorQuery(()) as query:
        query.read({"household": register}, Coverage())
        return homes_by_household(query.homes(as_of))


def homes_by_household(homes: pa.Table) -> pd.Series[str]:
    """The village by household, in the order of their keys, from what `VectorQuery.homes` gives."""
    found: pd.Series[str] = homes.to_pandas().set_index("household_id")["village_code"].sort_index()
    return found


def integer_days_of_files(feed: str, paths: Sequence[Path]) -> str:
    """The query for a feed's stored rows in these Parquet files, its dates as day numbers."""
    columns = [
        f"CAST({one.name} - DATE '1970-01-01' AS INTEGER) AS {one.name}"
        if pa.types.is_date32(one.type)
        else one.name
        for one in CONTRACTS[feed].schema
    ]
    files = ", ".join(quoted(str(path)) for path in paths)
    return f"SELECT {', '.join(columns)} FROM read_parquet([{files}], hive_partitioning = false)"


@contextmanager
def reading_signals() -> Iterator[None]:
    """What DuckDB says of a file may hold values of it; ours says what to do. Our own mistakes stay loud."""
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
        raise
    except duckdb.OutOfMemoryException:
        raise RunError(
            "the query needs more memory or disk than it was given: free some, or store smaller buckets"
        ) from None
    except duckdb.IOException:
        raise RunError(
            "a file could not be read or written: see whether the disk is full, and start again"
        ) from None
    except duckdb.Error:
        raise ContractError(
            "stored signals cannot be read: a file is harmed; take the rows in anew"
        ) from None
