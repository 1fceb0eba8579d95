"""Counties: a province's deliveries judged one county and one feed at a time: no more is in the memory.

A county is compared with its own past alone, so nothing is lost by it. A row whose key is in no register is
judged where the register knows a key that reads the same without letters and leading zeros, and else with the
largest county.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.connection import connect
from features.errors import ContractError
from features.health.checkup import judge_feed
from features.health.deliveries import refused_of
from features.health.register import Register, core, quoted
from features.health.statements import Statements
from features.health.verdicts import Health, Verdict
from features.signals import CONTRACTS, PLATFORM_FEEDS
from features.signals.buckets import Buckets

Progress = Callable[[str, int, int], None]

MOST_AT_ONCE = 2
"""Counties that are in the memory at once."""

QUERY_MEMORY_MB = 350
"""What the queries of one county may hold; with less they write to disk."""

_DIGITS = 6
_REGISTER_FEED = "household"
_REGISTER = ["household_id", "village_code", "occurred_on", "known_on"]

_LAST = (
    "SELECT household_id, ARG_MIN(village_code, (-epoch(occurred_on), village_code)) AS village, "
    "MIN(known_on) AS since FROM register GROUP BY household_id"
)
"""Where each household was last registered, as buckets have it."""


@dataclass(frozen=True)
class _Place:
    """The households of a county that lie in one bucket; whether the bucket holds nobody else."""

    bucket: str
    households: pa.ChunkedArray
    holds_all: bool


@dataclass(frozen=True)
class _Told:
    """What every county's check-up asks of: statements by feed, refused rows, households of no register."""

    as_of: dt.date
    statements: Mapping[str, Statements]
    refused: Mapping[str, pa.Table]
    strays: pa.Table

    @property
    def delivered(self) -> list[str]:
        """The feeds that were ever delivered."""
        return [feed for feed, one in self.statements.items() if not one.is_empty]

    @property
    def absent(self) -> list[str]:
        """The feeds that never were."""
        return [feed for feed, one in self.statements.items() if one.is_empty]


class Counties:
    """The counties of stored signals. A household belongs where it was last registered."""

    def __init__(self, stored: Buckets) -> None:
        self._stored = stored
        self._registers = dict(
            zip((one.name for one in stored.buckets), stored.paths("household"), strict=True)
        )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The codes of all counties."""
        return tuple(sorted({county for counties in self._sizes.values() for county in counties}))

    def check_health(
        self,
        as_of: dt.date,
        progress: Progress | None = None,
        *,
        known: Mapping[str, Sequence[Verdict]] | None = None,
        keep: Callable[[str, Sequence[Verdict]], None] | None = None,
    ) -> Health:
        """The verdicts of `check_health` for each county; `progress` is told county, feeds done and in all.

        Counties are judged beside each other, as many as there are cores and memory for. `known` are the
        verdicts of counties that an earlier check-up of the same signals and date judged; `keep` is given
        those of each county as soon as they are there, by the thread that judged it.
        """
        refused = refused_of(self._stored.directory)
        told = _Told(
            as_of,
            {
                feed: Statements(self._stored.coverage, feed, as_of)
                for feed in CONTRACTS
                if feed not in PLATFORM_FEEDS
            },
            refused,
            self._strays(refused),
        )
        judged = known or {}
        steps = len(self.codes) * len(told.delivered)
        done = iter(range(len(told.delivered) * len(judged.keys() & set(self.codes)) + 1, steps + 1))

        def step(county: str) -> None:
            if progress:
                progress(county, next(done), steps)

        def verdicts_of(county: str) -> Sequence[Verdict]:
            if county in judged:
                return judged[county]
            found = self._judge(county, told, threads, step)
            if keep:
                keep(county, found)
            return found

        beside = max(1, min(MOST_AT_ONCE, os.cpu_count() or 1, len(self.codes)))
        threads = max(1, (os.cpu_count() or 1) // beside)
        with ThreadPoolExecutor(beside) as workers:
            verdicts = [one for found in workers.map(verdicts_of, self.codes) for one in found]
        return Health(as_of, tuple(verdicts), tuple(told.absent))

    def _judge(self, county: str, told: _Told, threads: int, step: Callable[[str], None]) -> list[Verdict]:
        """The verdicts on a county, feed after feed."""
        places = self._places(county, told.strays)
        returned = self._returned(county, told, places)
        register = self._rows(_REGISTER_FEED, places)
        verdicts: list[Verdict] = []
        with Register(
            register, told.as_of, returned.get(_REGISTER_FEED), threads=threads, memory_mb=QUERY_MEMORY_MB
        ) as homes:
            del register
            for one in places:
                homes.connection.register(f"in_{one.bucket}", pa.table({"household_id": one.households}))
            for feed in told.delivered:
                rows = self._query(feed, places)
                try:
                    found = judge_feed(feed, rows, homes, told.statements[feed], returned.get(feed))
                except duckdb.InvalidInputException as error:
                    if "Failed to read file" not in str(error):
                        raise
                    # The error holds a stored address and nothing else that could be told.
                    raise _unread(self._stored.directory / self._stored.data / feed) from None
                verdicts += [one for one in found if one.area.startswith(county)]
                step(county)
        return verdicts

    @cached_property
    def _sizes(self) -> dict[str, dict[str, int]]:
        """Bucket → county → households."""
        found = {}
        for bucket, path in self._registers.items():
            villages = _asked(path, f"SELECT village FROM ({_LAST})")["village"].to_pylist()
            found[bucket] = dict(Counter(one[:_DIGITS] for one in villages))
        return found

    @property
    def _largest(self) -> str:
        sizes: Counter[str] = Counter()
        for one in self._sizes.values():
            sizes.update(one)
        return max(self.codes, key=lambda code: (sizes[code], code), default="")

    def _places(self, county: str, strays: pa.Table) -> list[_Place]:
        """The buckets that hold households of a county, and which."""
        apart = strays.filter(pc.equal(strays["county"], county))["household_id"]
        found = []
        for number, (bucket, counties) in enumerate(self._sizes.items()):
            holds_all = set(counties) == {county} and (number or not len(strays))
            mine = apart if number == 0 else apart.slice(0, 0)
            if county in counties:
                own = _asked(
                    self._registers[bucket],
                    f"SELECT household_id FROM ({_LAST}) WHERE village[1:{_DIGITS}] = '{county}'",
                )["household_id"]
                mine = pa.chunked_array([*own.chunks, *mine.chunks], pa.string())
            if len(mine):
                found.append(_Place(bucket, mine, bool(holds_all)))
        return found

    def _rows(self, feed: str, places: Sequence[_Place]) -> pa.Table:
        """The stored rows of one feed of a county, read from the buckets that hold some of it."""
        parts = []
        for one in places:
            rows = _read(self._stored.files(one.bucket)[feed])
            parts.append(rows if one.holds_all else _of(rows, one.households))
        return pa.concat_tables(parts) if parts else CONTRACTS[feed].schema.empty_table()

    def _query(self, feed: str, places: Sequence[_Place]) -> str:
        """The same rows as a query, for what is too much to be read at once."""
        parts = []
        for one in places:
            path = self._stored.files(one.bucket)[feed]
            # The query would tell of an absent or torn file by an error without its name.
            _read(path, [])
            rows = f"SELECT * FROM read_parquet({quoted(str(path))}, hive_partitioning = false)"
            among = f" WHERE household_id IN (SELECT household_id FROM in_{one.bucket})"
            parts.append(rows if one.holds_all else rows + among)
        return " UNION ALL ".join(parts)

    def _returned(self, county: str, told: _Told, places: Sequence[_Place]) -> dict[str, pa.Table]:
        """What intake refused of a county."""
        strays = told.strays
        known = [strays.filter(pc.equal(strays["county"], county))["household_id"]]
        known += [one.households for one in places]
        everybody = pa.chunked_array([chunk for one in known for chunk in one.chunks], pa.string())
        return {
            feed: _of(rows, everybody, with_none=county == self._largest)
            for feed, rows in told.refused.items()
        }

    def _strays(self, refused: Mapping[str, pa.Table]) -> pa.Table:
        """household_id → county for the keys that no register knows, in accepted rows and refused ones."""
        first = next(iter(self._registers), None)
        keys = [rows["household_id"].unique() for rows in refused.values()]
        if first is not None:
            keys += [
                _read(path, ["household_id"])["household_id"].unique()
                for path in self._stored.files(first).values()
            ]
        names = pa.table({"household_id": pa.concat_arrays(keys or [pa.array([], pa.string())]).unique()})
        reads = core("household_id")
        with _connection() as connection:
            connection.register("names", names.filter(pc.is_valid(names["household_id"])))
            connection.execute(
                f"CREATE TEMP TABLE strays AS SELECT household_id, {reads} AS core FROM names; "
                "CREATE TEMP TABLE alike (core VARCHAR, since DATE, household_id VARCHAR, village VARCHAR)"
            )
            for path in self._registers.values():
                connection.register("register", _read(path, ["household_id"]))
                connection.execute(
                    "DELETE FROM strays WHERE household_id IN (SELECT household_id FROM register)"
                )
            asked = connection.sql("SELECT COUNT(*) FROM strays WHERE core <> ''").fetchall()[0][0]
            for path in self._registers.values() if asked else ():
                connection.register("register", _read(path, _REGISTER))
                connection.execute(
                    f"INSERT INTO alike SELECT {reads} AS core, since, household_id, village FROM ({_LAST}) "
                    f"WHERE {reads} IN (SELECT core FROM strays WHERE core <> '')"
                )
            return connection.sql(
                "SELECT s.household_id, "
                f"COALESCE(ARG_MIN(a.village, (a.since, a.household_id))[1:{_DIGITS}], '{self._largest}') "
                "AS county FROM strays s LEFT JOIN alike a ON a.core = s.core GROUP BY s.household_id"
            ).to_arrow_table()


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        # Its own bar would mix with ours; in a notebook without ipywidgets it cannot be switched off.
        with suppress(duckdb.InvalidInputException):
            connection.execute("SET enable_progress_bar = false")
        yield connection


def _asked(register: Path, text: str) -> pa.Table:
    with _connection() as connection:
        connection.register("register", _read(register, _REGISTER))
        return connection.sql(text).to_arrow_table()


def _read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None, columns=columns)
    except (pa.ArrowException, OSError):
        raise _unread(path) from None


def _unread(path: Path) -> ContractError:
    return ContractError(f"{path} is absent or no Parquet table: take the rows in anew")


def _of(rows: pa.Table, households: pa.ChunkedArray, *, with_none: bool = False) -> pa.Table:
    """The rows of some households, and those without a key where asked for."""
    mine = pc.is_in(rows["household_id"], value_set=households.combine_chunks())
    if with_none:
        mine = pc.or_(mine, pc.is_null(rows["household_id"]))
    return rows.filter(mine)
