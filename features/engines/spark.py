"""The cluster engine: the very SQL text of the batch engine, run by Spark over stored signals.

Spark reads the Parquet files of the signals itself, so that executors need no Python. What is small goes
through the driver: the coverage and the villages' facts, one row a village. A run writes

    <out>/vectors.json                             what the run is about, and whether it is complete
    <out>/as_of_date=2026-06-30/part-….parquet     household_id and one float64 column a feature
    <out>/villages/2026-06-30.json                 the villages' facts that the neighbourhood is made of

as `features.engines.buckets` does, equal to the bit; households are sorted within a file. A killed run is
continued by starting it again, date by date.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.dates import months_before, to_day
from features.definitions import FEATURES
from features.engines.buckets import (
    MANIFEST,
    about_run,
    facts_from_json,
    facts_to_json,
)
from features.engines.hadoop import HadoopFolder
from features.engines.plan import Plan
from features.engines.run_folder import check_same_run, parse_said
from features.engines.sql import compile_sql, coverage_table, households_sql, with_integer_days
from features.errors import ContractError, RunError
from features.language.feature import Feature
from features.neighbourhood import (
    DISASTERS,
    FEED,
    INCOME,
    SELF_PAID,
    VillageFacts,
    facts_of_groups,
    village_rows,
)
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage
from features.signals import buckets as stored_buckets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Progress = Callable[[str, int, int], None]

_SETTINGS = {
    # A sum that does not fit is an error and never another number.
    "spark.sql.ansi.enabled": "true",
    # A file that is absent or harmed is an error and never a household without records.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
}
_SPARK_TYPES = {
    pa.date32(): "date",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.string(): "string",
    pa.bool_(): "boolean",
}
_UNREAD = re.compile(
    r"\[(?:PATH_NOT_FOUND|FAILED_READ_FILE|CANNOT_READ_FILE)[\w.]*\].*?(\w+:/\S+?)\.?(?:\s|$)", re.DOTALL
)
_FINISHED = "_SUCCESS"
"""Spark puts this file into a folder once all of it is written."""


@dataclass(frozen=True)
class SparkRun:
    """What a finished run wrote, by date. `resumed` counts the dates that an earlier run had finished."""

    out: str
    households: dict[dt.date, int]
    resumed: int


def write_vectors_on_spark(
    session: SparkSession,
    directory: str | Path,
    as_of_dates: Iterable[dt.date],
    out: str | Path,
    *,
    features: Iterable[Feature] | None = None,
    region: str = DEFAULT_REGION,
    progress: Progress | None = None,
) -> SparkRun:
    """Write the vectors of all stored households as of the dates, and their neighbourhood with them.

    `directory` holds stored signals as `Signals.save` writes them; `out` is empty, absent, or holds a part of
    the same run, which is then continued. Both are addresses in any file system that the session's executors
    reach. One run writes to a folder at a time. The session's own settings and tables are left as they are.
    `progress` is called with what is being done, the dates done and those in all. Raises `RunError` when
    `out` holds another run or other files, and `ContractError` when the signals cannot be read.
    """
    dates = sorted(set(as_of_dates))
    chosen = tuple(FEATURES.values() if features is None else features)
    if not dates:
        raise RunError("give at least one as-of date")
    tell = progress or (lambda doing, done, total: None)
    signals = SparkSignals(session, str(directory), region)
    folder = HadoopFolder(session, str(out))
    about = about_run("spark", signals.data, dates, region, chosen)
    _begin(folder, about)
    signals.open([feed for one in chosen for feed in one.feeds])
    households: dict[dt.date, int] = {}
    resumed = 0
    for done, as_of in enumerate(dates):
        place = f"as_of_date={as_of}"
        if folder.has(f"{place}/{_FINISHED}"):
            resumed += 1
        else:
            tell(f"vectors {as_of}", done, len(dates))
            facts: Sequence[VillageFacts] = ()
            if any(FEED in one.feeds for one in chosen):
                facts = _facts(signals, as_of, folder)
            frame = signals.vectors(as_of, chosen, facts).sortWithinPartitions("household_id")
            writer = frame.write.mode("overwrite")
            _run(partial(writer.parquet, f"{folder.address}/{place}", compression="zstd"))
        households[as_of] = signals.session.read.parquet(f"{folder.address}/{place}").count()
    tell("vectors", len(dates), len(dates))
    finished = {**about, "is_complete": True, "households": {str(k): v for k, v in households.items()}}
    folder.replace(MANIFEST, json.dumps(finished, indent=1).encode())
    return SparkRun(folder.address, households, resumed)


class SparkSignals:
    """Stored signals as tables of a Spark session of their own, beside the caller's on the same cluster.

    `data` names the signals' content. Raises `ContractError` when the folder holds no stored signals.
    """

    def __init__(self, session: SparkSession, directory: str, region: str = DEFAULT_REGION) -> None:
        self.session = session.newSession()
        for name, value in _SETTINGS.items():
            self.session.conf.set(name, value)
        self._region = region
        self._folder = HadoopFolder(session, directory)
        said = stored_buckets.Manifest.read(_content(self._folder, stored_buckets.MANIFEST), directory)
        self.data = said.data
        self.buckets = tuple(one.name for one in said.buckets)
        self.coverage = self._coverage()

    def open(self, feeds: Iterable[str], buckets: Sequence[str] | None = None) -> None:
        """Make tables of these feeds and of those that every run needs, from some buckets or all."""
        needed = {"household", "identification", *feeds}
        needed.update(feed for name in (INCOME, SELF_PAID, DISASTERS) for feed in FEATURES[name].feeds)
        for feed in sorted(needed - {FEED}):
            self._table(feed, buckets)

    def vectors(
        self, as_of: dt.date, features: Sequence[Feature], facts: Sequence[VillageFacts] | None = None
    ) -> DataFrame:
        """household_id and one double column a feature, null where missing, in no order.

        The neighbourhood is made of the villages' `facts`; without any given, it is read as stored.
        """
        villages = self._homes(as_of)
        coverage = self.coverage
        if facts is None:
            self._table(FEED)
        else:
            self._neighbourhood(facts)
            coverage = coverage.replacing(FEED, (one.delivery for one in facts))
        return self._query(as_of, features, coverage, villages)

    def village_facts(self, as_of: dt.date) -> list[VillageFacts]:
        """The villages' facts of a date, equal to those of `features.neighbourhood`."""
        villages = self._homes(as_of)
        asked = [FEATURES[name] for name in (INCOME, SELF_PAID, DISASTERS)]
        self._query(as_of, asked, self.coverage, villages).createOrReplaceTempView("neighbours")
        now, start = to_day(as_of), to_day(months_before(as_of, 12))
        # A household of whose feeds one is missing adds nothing. The median of two is their mean, and halving
        # is exact, so that the interpolation here and the mean in pandas are the same number.
        grouped = self.session.sql(
            "SELECT h.village_code AS village, COUNT(*) AS households, "
            f"COUNT(n.{INCOME}) AS known, PERCENTILE(n.{INCOME}, 0.5) AS income, "
            f"PERCENTILE(n.{SELF_PAID}, 0.5) AS self_paid, "
            f"SUM(CASE WHEN n.{DISASTERS} > 0 THEN 1 ELSE 0 END) AS struck, "
            "SUM(CASE WHEN i.household_id IS NOT NULL THEN 1 ELSE 0 END) AS identified "
            "FROM neighbours n JOIN h ON h.household_id = n.household_id "
            "LEFT JOIN (SELECT DISTINCT household_id FROM identification "
            f"WHERE occurred_on > {start} AND occurred_on <= {now} AND known_on <= {now}) i "
            "ON i.household_id = n.household_id "
            f"WHERE n.{SELF_PAID} IS NOT NULL AND n.{DISASTERS} IS NOT NULL GROUP BY h.village_code"
        )
        rows = [one.asDict() for one in _run(grouped.collect)]
        columns = ["village", "households", "known", "income", "self_paid", "struck", "identified"]
        frame = pd.DataFrame(rows, columns=columns).set_index("village").sort_index()
        return facts_of_groups(frame.astype({"income": "float64", "self_paid": "float64"}), as_of)

    def _neighbourhood(self, facts: Sequence[VillageFacts]) -> None:
        rows = with_integer_days(village_rows(facts))
        self._small_table("village_facts", rows)
        columns = [f"v.{name}" for name in rows.column_names if name != "village_code"]
        self.session.sql(
            f"SELECT h.household_id, {', '.join(columns)} FROM h "
            "JOIN village_facts v ON v.village_code = h.village_code"
        ).createOrReplaceTempView(FEED)

    def _homes(self, as_of: dt.date) -> list[str]:
        """The registered households as table ``h``; returns the villages that they live in."""
        self.session.sql(households_sql(as_of)).createOrReplaceTempView("h")
        found = self.session.sql("SELECT DISTINCT village_code FROM h")
        return sorted(row["village_code"] for row in _run(found.collect))

    def _query(
        self, as_of: dt.date, features: Sequence[Feature], coverage: Coverage, villages: Sequence[str]
    ) -> DataFrame:
        plan = Plan(features)
        self._small_table("coverage", coverage_table(coverage, villages, as_of, self._region, plan))
        return self.session.sql(compile_sql(plan, as_of, self._region))

    def _table(self, feed: str, buckets: Sequence[str] | None = None) -> None:
        """The files of a feed as a table, its dates as day numbers."""
        schema = CONTRACTS[feed].schema
        # Each file by its name: one that is absent is an error, one too many is not read.
        paths = [
            f"{self._folder.address}/{self.data}/{feed}/{name}.parquet" for name in buckets or self.buckets
        ]
        frame: DataFrame = _run(partial(self.session.read.parquet, *paths))
        if frame.dtypes != [(one.name, _SPARK_TYPES[one.type]) for one in schema]:
            raise ContractError(f"{feed} of {self._folder.address} has other columns: take the rows in anew")
        columns = [
            f"unix_date({one.name}) AS {one.name}" if pa.types.is_date32(one.type) else one.name
            for one in schema
        ]
        frame.selectExpr(*columns).createOrReplaceTempView(feed)

    def _small_table(self, name: str, table: pa.Table) -> None:
        """A table of the driver's, a row a village, that every executor gets whole."""
        types = ", ".join(f"{one.name} {_SPARK_TYPES[one.type]}" for one in table.schema)
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        frame = self.session.createDataFrame(rows, types, verifySchema=False)
        frame.hint("broadcast").createOrReplaceTempView(name)

    def _coverage(self) -> Coverage:
        place = f"{self.data}/coverage.parquet"
        content = self._folder.read(place)
        try:
            if content is None:
                raise ContractError(f"{self._folder.address} lacks {place}: take the rows in anew")
            table = pq.read_table(io.BytesIO(content))
        except (pa.ArrowException, OSError):
            raise ContractError(
                f"{self._folder.address}/{place} is no Parquet table: take the rows in anew"
            ) from None
        return Coverage.from_frame(table.to_pandas(), CONTRACTS)


def _begin(folder: HadoopFolder, about: dict[str, Any]) -> None:
    """Start a run, or continue the same one."""
    content = _content(folder, MANIFEST)
    if content is not None:
        check_same_run(parse_said(content, folder.address, MANIFEST), about, folder.address)
        return
    if folder.names():
        raise RunError(
            f"{folder.address} holds other files: give an empty folder, or one of an unfinished run"
        )
    folder.replace(MANIFEST, json.dumps({**about, "is_complete": False}, indent=1).encode())


def _content(folder: HadoopFolder, manifest: str) -> bytes | None:
    """A manifest's content, None where it is absent; one that cannot be read is like one without sense."""
    try:
        return folder.read(manifest)
    except OSError:
        return b""


def _facts(signals: SparkSignals, as_of: dt.date, folder: HadoopFolder) -> list[VillageFacts]:
    place = f"villages/{as_of}.json"
    made = folder.read(place)
    if made is not None:
        return facts_from_json(made, as_of)
    facts = signals.village_facts(as_of)
    folder.replace(place, facts_to_json(facts))
    return facts


def _run(work: Callable[[], Any]) -> Any:
    """The result of work that reads the stored files; raises `ContractError` where one cannot be read."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        return work()
    except (PySparkException, Py4JJavaError) as error:
        # Of what failed on an executor pyspark hands on the text alone; it names the condition and the file.
        unread = _UNREAD.search(str(error))
        if unread is None:
            raise
        raise ContractError(f"{unread[1]} is absent or no Parquet table: take the rows in anew") from error
