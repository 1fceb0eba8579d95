"""The batch engine out of core: vectors of any number of households, one bucket of whole villages at a time.

A run writes one Parquet file a bucket and date, each put in place at once when it is whole:

    <out>/vectors.json                               what the run is about, and whether it is complete
    <out>/as_of_date=2026-06-30/<bucket>.parquet     household_id, silent_feeds, one float64 column a feature
    <out>/villages/2026-06-30.json                   the villages' facts that the neighbourhood is made of

A killed run is continued by starting it again: finished buckets stay, the others are computed. So no
bucket is lost, and none is there twice.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.definitions import FEATURES, feature_version
from features.engines.duckdb import Limits, Stored, VectorQuery, registered_villages
from features.engines.plan import Plan
from features.engines.run_folder import RunFolder, put_in_place, rows_of
from features.engines.sql import SILENT_FEEDS
from features.errors import RunError
from features.language.feature import Feature
from features.neighbourhood import (
    FEED,
    VillageFacts,
    facts_of,
    facts_there,
    neighbour_query,
    neighbourhood_rows,
    neighbours,
)
from features.policy import DEFAULT_REGION, policy_version
from features.signals import Coverage
from features.signals.buckets import Buckets, replace_file

Progress = Callable[[str, int, int], None]

MANIFEST = "vectors.json"
MEMORY_MB = 260
"""What one query may hold; with less it writes to disk. A bucket needs about 200 for all features."""

AGGREGATES_PER_BUCKET, MOST_BUCKETS = 150, 2
"""One bucket at a time for so many aggregates a household, more for fewer; beyond two little is gained."""


@dataclass(frozen=True)
class Run:
    """What a finished run wrote: households by date, and in how many files. `resumed` of them were there
    from an earlier run."""

    out: Path
    households: dict[dt.date, int]
    files: int
    resumed: int

    def folder(self, as_of: dt.date) -> Path:
        """Where the vectors of a date lie."""
        return self.out / f"as_of_date={as_of}"


def write_vectors(
    directory: Path,
    as_of_dates: Iterable[dt.date],
    out: Path,
    *,
    features: Iterable[Feature] | None = None,
    region: str = DEFAULT_REGION,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Run:
    """Write the vectors of all stored households as of the dates, and their neighbourhood with them.

    `directory` holds stored signals as `Signals.save` writes them; `out` is empty, absent, or holds a part of
    the same run, which is then continued. `progress` is called with what is being done, the buckets done and
    those in all. Raises `RunError` when `out` holds another run or one is writing to it at this moment, and
    `ContractError` when the signals cannot be read.
    """
    stored = Buckets.open(directory)
    dates = sorted(set(as_of_dates))
    chosen = tuple(FEATURES.values() if features is None else features)
    if not dates:
        raise RunError("give at least one as-of date")
    run = RunFolder(out, MANIFEST)
    tell = progress or (lambda doing, done, total: None)
    households: dict[dt.date, int] = {}
    resumed = 0
    with BucketVectors(
        stored, chosen, region=region, limits=Limits(threads, MEMORY_MB, run.spilled)
    ) as vectors:
        about = about_run("duckdb", stored.data, dates, region, chosen)
        about["files"] = [one.file for one in vectors.batches]
        with run.writing(about):
            for as_of in dates:
                folder = out / f"as_of_date={as_of}"
                folder.mkdir(exist_ok=True)
                todo = [one for one in vectors.batches if not (folder / one.file).is_file()]
                resumed += len(vectors.batches) - len(todo)
                villages: Sequence[VillageFacts] = ()
                if todo:
                    villages = vectors.villages(as_of, out / "villages" / f"{as_of}.json", tell)
                for number, batch in enumerate(todo, len(vectors.batches) - len(todo)):
                    tell(f"vectors {as_of}", number, len(vectors.batches))
                    query = vectors.read(batch, as_of, villages)
                    put_in_place(folder / batch.file, partial(query.write, as_of))
                tell(f"vectors {as_of}", len(vectors.batches), len(vectors.batches))
                households[as_of] = _count(folder, vectors.batches)
            run.finish(about, {"households": {str(as_of): count for as_of, count in households.items()}})
    return Run(out, households, len(vectors.batches) * len(dates), resumed)


def about_run(
    engine: str, data: str, as_of_dates: Sequence[dt.date], region: str, features: Sequence[Feature]
) -> dict[str, Any]:
    """What a run is about, for its manifest: two runs that say the same write the same files."""
    return {
        "engine": engine,
        "signals": data,
        "as_of_dates": [str(one) for one in as_of_dates],
        "region": region,
        "features": [one.name for one in features],
        "feature_version": feature_version(features),
        "policy_version": policy_version(),
    }


def read_vectors(out: Path, as_of: dt.date) -> pd.DataFrame:
    """The vectors of one date of a finished run, shaped as `build_vectors` returns them.

    Raises `RunError` when the run is not finished or has no such date.
    """
    said = _finished(out, as_of)
    return _read(out, as_of, said["features"]).astype("float64")


def read_silent_feeds(out: Path, as_of: dt.date) -> pd.Series[str]:
    """The feeds that were silent for each household of a date of a finished run, joined by commas.

    Raises `RunError` as `read_vectors` does.
    """
    _finished(out, as_of)
    return _read(out, as_of, [SILENT_FEEDS])[SILENT_FEEDS]


def _finished(out: Path, as_of: dt.date) -> dict[str, Any]:
    said = RunFolder(out, MANIFEST).finished()
    if str(as_of) not in said["as_of_dates"]:
        raise RunError(f"{out} has the dates {', '.join(said['as_of_dates'])}, not {as_of}")
    return said


def _read(out: Path, as_of: dt.date, columns: Sequence[str]) -> pd.DataFrame:
    paths = sorted((out / f"as_of_date={as_of}").glob("*.parquet"))
    chosen = ["household_id", *columns]
    table = pa.concat_tables([pq.read_table(path, partitioning=None, columns=chosen) for path in paths])
    frame = table.to_pandas().sort_values("household_id", kind="stable", ignore_index=True)
    frame.insert(1, "as_of_date", pd.Timestamp(as_of))
    found: pd.DataFrame = frame.set_index(["household_id", "as_of_date"])
    return found


@dataclass(frozen=True)
class Batch:
    """The buckets that one query asks, and the file that its answer becomes."""

    buckets: tuple[str, ...]

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.buckets[0]}.parquet"

    def paths(self, stored: Buckets, feed: str) -> list[Path]:
        """The stored files of a feed."""
        return [stored.files(one)[feed] for one in self.buckets]


class BucketVectors:
    """The vectors of stored signals, some buckets at a time, in one DuckDB connection. Closed by `with`.

    `coverage` stands in for the stored one where some of it must not be believed. `also` names feeds that are
    read beside those of the features.
    """

    def __init__(
        self,
        stored: Buckets,
        features: Iterable[Feature],
        *,
        region: str = DEFAULT_REGION,
        limits: Limits | None = None,
        coverage: Coverage | None = None,
        also: Iterable[str] = (),
    ) -> None:
        self._stored = stored
        self.features = tuple(features)
        self._region, self._limits = region, limits
        self._query = VectorQuery(self.features, also=also, region=region, limits=limits)
        self.coverage = stored.coverage if coverage is None else coverage
        self.batches = _batches(stored, self._query.plan)

    def __enter__(self) -> BucketVectors:
        return self

    def __exit__(self, *_: object) -> None:
        self._query.close()

    def read(self, batch: Batch, as_of: dt.date, villages: Sequence[VillageFacts]) -> VectorQuery:
        """The query, from now on of these buckets; their neighbourhood is made of the villages' facts."""
        coverage = self.coverage
        sources: dict[str, Stored] = {
            feed: batch.paths(self._stored, feed) for feed in self._query.feeds if feed != FEED
        }
        if FEED in self._query.feeds:
            homes = registered_villages(sources["household"], as_of)
            facts = facts_there(villages, homes)
            sources[FEED] = neighbourhood_rows(homes, facts)
            coverage = coverage.replacing(FEED, (one.delivery for one in facts))
        self._query.read(sources, coverage)
        return self._query

    def villages(self, as_of: dt.date, path: Path, tell: Progress) -> Sequence[VillageFacts]:
        """The facts of all villages, kept in the file; none where no feature asks for them.

        Of villages that lie in several buckets, the households are kept until all are together.
        """
        if FEED not in self._query.feeds:
            return ()
        if path.is_file():
            return facts_from_json(path.read_bytes(), as_of)
        facts: list[VillageFacts] = []
        apart: list[pd.DataFrame] = []
        with neighbour_query(self._region, self._limits) as query:
            batches = _batches(self._stored, query.plan)
            for done, batch in enumerate(batches):
                tell(f"villages {as_of}", done, len(batches))
                query.read({feed: batch.paths(self._stored, feed) for feed in query.feeds}, self.coverage)
                found = neighbours(query, as_of)
                is_split = found["village"].isin(self._stored.split_villages)
                facts += facts_of(found[~is_split], as_of)
                apart.append(found[is_split])
        facts += facts_of(pd.concat(apart), as_of)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, facts_to_json(facts))
        return facts


def _batches(stored: Buckets, plan: Plan) -> list[Batch]:
    """Buckets that fit into the memory together: planning a query takes as long for one as for two."""
    fitting = max(1, AGGREGATES_PER_BUCKET // max(1, len(plan.slots)))
    together = min(fitting, MOST_BUCKETS)
    names = [one.name for one in stored.buckets]
    return [Batch(tuple(names[first : first + together])) for first in range(0, len(names), together)]


def facts_to_json(facts: Iterable[VillageFacts]) -> bytes:
    """Villages' facts as the content of the file that holds them."""
    return json.dumps([{**asdict(one), "as_of": str(one.as_of)} for one in facts]).encode()


def facts_from_json(content: bytes, as_of: dt.date) -> list[VillageFacts]:
    """The facts that `facts_to_json` wrote for one date."""
    return [VillageFacts(**{**one, "as_of": as_of}) for one in json.loads(content)]


def _count(folder: Path, batches: Sequence[Batch]) -> int:
    """Households written; raises `RunError` where a file is absent, unknown or harmed."""
    wanted = {one.file for one in batches}
    found = {path.name for path in folder.iterdir()}
    if wanted != found:
        raise RunError(
            f"{folder} lacks or has other files than {len(wanted)} buckets: empty it and start again"
        )
    return sum(rows_of(folder / name) for name in wanted)
