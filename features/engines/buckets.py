"""The batch engine out of core: vectors of any number of households, one bucket of whole villages at a time.

A run writes one Parquet file a bucket and date, each put in place at once when it is whole:

    <out>/vectors.json                               what the run is about, and whether it is complete
    <out>/as_of_date=2026-06-30/<bucket>.parquet     household_id, silent_feeds, one float64 column a feature
    <out>/villages/2026-06-30.json                   the villages' facts that the neighbourhood is made of

A killed run is continued by starting it again: finished buckets stay, the others are computed. So no
bucket is lost, and none is there twice.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.definitions import FEATURES, feature_version
from features.engines.duckdb import Limits, Stored, VectorQuery, registered_villages
from features.engines.plan import Plan
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
from features.signals.buckets import Buckets, replace_file, sync_folder

Progress = Callable[[str, int, int], None]

MANIFEST = "vectors.json"
MEMORY_MB = 240
"""What one query may hold; with less it writes to disk. A bucket needs about 200 for all features."""

AGGREGATES_PER_BUCKET, MOST_BUCKETS = 150, 3
"""One bucket at a time for so many aggregates a household, more for fewer; beyond three little is gained."""


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
    batches = _batches(stored, Plan(chosen))
    about = about_run("duckdb", stored.data, dates, region, chosen)
    about["files"] = [one.file for one in batches]
    tell = progress or (lambda doing, done, total: None)
    households: dict[dt.date, int] = {}
    resumed = 0
    limits = Limits(threads, MEMORY_MB, out / ".spilled")
    with _only_writer(out), VectorQuery(chosen, region=region, limits=limits) as query:
        _begin(out, about)
        for as_of in dates:
            folder = out / f"as_of_date={as_of}"
            folder.mkdir(exist_ok=True)
            todo = [one for one in batches if not (folder / one.file).is_file()]
            resumed += len(batches) - len(todo)
            villages: Sequence[VillageFacts] = ()
            if todo and FEED in query.feeds:
                path = out / "villages" / f"{as_of}.json"
                with neighbour_query(region, limits) as neighbour:
                    villages = _villages(stored, as_of, neighbour, path, tell)
            for number, batch in enumerate(todo, len(batches) - len(todo)):
                tell(f"vectors {as_of}", number, len(batches))
                query.read(*_sources(stored, batch, query, as_of, villages))
                _write(query, as_of, folder / batch.file)
            tell(f"vectors {as_of}", len(batches), len(batches))
            households[as_of] = _count(folder, batches)
        finished = {**about, "is_complete": True, "households": {str(k): v for k, v in households.items()}}
        replace_file(out / MANIFEST, json.dumps(finished, indent=1).encode())
    return Run(out, households, len(batches) * len(dates), resumed)


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


def check_same_run(said: dict[str, Any], about: dict[str, Any], out: object) -> None:
    """Raise `RunError` when the manifest of a folder tells of another run."""
    other = [name for name in about if said.get(name) != about[name]]
    if other:
        raise RunError(
            f"{out} holds vectors of another run ({', '.join(other)} differ): give another folder or empty it"
        )


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
    said = _said(out)
    if said is None or not said.get("is_complete"):
        raise RunError(f"{out} holds no finished run: start it again, and it continues")
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
class _Batch:
    """The buckets that one query asks, and the file that its answer becomes."""

    buckets: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"{self.buckets[0]}.parquet"

    def paths(self, stored: Buckets, feed: str) -> list[Path]:
        return [stored.files(one)[feed] for one in self.buckets]


def _batches(stored: Buckets, plan: Plan) -> list[_Batch]:
    """Buckets that fit into the memory together: planning a query takes as long for one as for three."""
    fitting = max(1, AGGREGATES_PER_BUCKET // max(1, len(plan.slots)))
    together = min(fitting, MOST_BUCKETS)
    names = [one.name for one in stored.buckets]
    return [_Batch(tuple(names[first : first + together])) for first in range(0, len(names), together)]


def _sources(
    stored: Buckets, batch: _Batch, query: VectorQuery, as_of: dt.date, villages: Sequence[VillageFacts]
) -> tuple[dict[str, Stored], Coverage]:
    sources: dict[str, Stored] = {feed: batch.paths(stored, feed) for feed in query.feeds if feed != FEED}
    if FEED not in query.feeds:
        return sources, stored.coverage
    homes = registered_villages(sources["household"], as_of)
    facts = facts_there(villages, homes)
    sources[FEED] = neighbourhood_rows(homes, facts)
    return sources, stored.coverage.replacing(FEED, (one.delivery for one in facts))


def _villages(
    stored: Buckets, as_of: dt.date, query: VectorQuery, path: Path, tell: Progress
) -> Sequence[VillageFacts]:
    """The facts of all villages; of villages that lie in several buckets, the households are kept until all
    are together."""
    if path.is_file():
        return facts_from_json(path.read_bytes(), as_of)
    facts: list[VillageFacts] = []
    apart: list[pd.DataFrame] = []
    batches = _batches(stored, query.plan)
    for done, batch in enumerate(batches):
        tell(f"villages {as_of}", done, len(batches))
        query.read({feed: batch.paths(stored, feed) for feed in query.feeds}, stored.coverage)
        found = neighbours(query, as_of)
        is_split = found["village"].isin(stored.split_villages)
        facts += facts_of(found[~is_split], as_of)
        apart.append(found[is_split])
    facts += facts_of(pd.concat(apart), as_of)
    path.parent.mkdir(exist_ok=True)
    replace_file(path, facts_to_json(facts))
    return facts


def facts_to_json(facts: Iterable[VillageFacts]) -> bytes:
    """Villages' facts as the content of the file that holds them."""
    return json.dumps([{**vars(one), "as_of": str(one.as_of)} for one in facts]).encode()


def facts_from_json(content: bytes, as_of: dt.date) -> list[VillageFacts]:
    """The facts that `facts_to_json` wrote for one date."""
    return [VillageFacts(**{**one, "as_of": as_of}) for one in json.loads(content)]


@contextlib.contextmanager
def _only_writer(out: Path) -> Iterator[None]:
    """Hold the folder's lock; it goes with the process, however that ends."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"another run is writing to {out}: wait for it, or give another folder") from None
        yield


def _begin(out: Path, about: dict[str, Any]) -> None:
    """Start a run, or continue the same one; what a killed run left half written goes."""
    said = _said(out)
    if said is None:
        if any(not one.name.startswith(".") for one in out.iterdir()):
            raise RunError(f"{out} holds other files: give an empty folder, or one of an unfinished run")
        replace_file(out / MANIFEST, json.dumps({**about, "is_complete": False}, indent=1).encode())
        return
    check_same_run(said, about, out)
    for left in (*out.glob(".*.writing"), *out.glob("*/.*.writing")):
        left.unlink()
    shutil.rmtree(out / ".spilled", ignore_errors=True)


def _said(out: Path) -> dict[str, Any] | None:
    path = out / MANIFEST
    return parse_said(path.read_bytes(), out) if path.is_file() else None


def parse_said(content: bytes, out: object) -> dict[str, Any]:
    """What the manifest of a folder says; raises `RunError` when it cannot be read."""
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise RunError(f"{out}/{MANIFEST} cannot be read: give another folder or empty this one")
    return said


def _write(query: VectorQuery, as_of: dt.date, path: Path) -> None:
    """Write what the query answers; the file is in place at once and whole."""
    writing = path.with_name(f".{path.name}.writing")
    query.write(as_of, writing)
    with writing.open("rb") as stream:
        os.fsync(stream.fileno())
    writing.replace(path)
    sync_folder(path.parent)


def _count(folder: Path, batches: Sequence[_Batch]) -> int:
    """Households written; raises `RunError` where a file is absent, unknown or harmed."""
    wanted = {one.file for one in batches}
    found = {path.name for path in folder.iterdir()}
    if wanted != found:
        raise RunError(
            f"{folder} lacks or has other files than {len(wanted)} buckets: empty it and start again"
        )
    try:
        return sum(pq.read_metadata(folder / name).num_rows for name in wanted)
    except (pa.ArrowException, OSError):
        raise RunError(f"{folder} holds a file that is no Parquet table: remove it and start again") from None
