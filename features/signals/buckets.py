"""Buckets: how stored signals lie on disk, so that a province fits through a small memory.

A bucket holds whole villages. Each feed has one Parquet file a bucket, so that everything of a household, and
of its neighbours, lies in one bucket's files and a batch reads one bucket at a time:

    <folder>/signals.json                     which data folder is current, and its buckets
    <folder>/data-<hash>/<feed>/<bucket>.parquet
    <folder>/data-<hash>/coverage.parquet

`signals.json` is replaced last and at once: a reader sees the old signals or the new ones, whole.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.connection import connect
from features.errors import ContractError
from features.signals import CONTRACTS, Coverage

HOUSEHOLDS_PER_BUCKET = 50_000
"""Measured: smaller buckets waste time on opening files, larger ones memory, and neither gains."""

ROW_GROUP = 65_536
"""Rows that one thread reads at a time: small enough for every core to have some of a bucket."""

MANIFEST = "signals.json"
_LAYOUT = 1
_OWN_NAME = re.compile(r"data-[0-9a-f]{16}(-mended)*|\.data-[a-z0-9_]{8}\.writing")
_OWN_FILE = re.compile(r"coverage\.parquet|[a-z_]+/[0-9]{4,}\.parquet")


@dataclass(frozen=True)
class Bucket:
    """One bucket: its name, and how many households and villages its register has."""

    name: str
    households: int
    villages: int


@dataclass(frozen=True)
class Manifest:
    """What `signals.json` says: the current data folder, its buckets, and the villages that lie in several.

    `split_villages` are those that households of more than one bucket have lived in: a household lies in the
    bucket of the village that it was last registered in.
    """

    data: str
    buckets: tuple[Bucket, ...]
    split_villages: frozenset[str]

    @classmethod
    def read(cls, content: bytes | None, folder: str) -> Manifest:
        """The manifest from the content of its file; raises `ContractError` naming the folder."""
        if content is None:
            raise ContractError(
                f"{folder} lacks {MANIFEST}: give a folder of stored signals, as intake writes it"
            )
        try:
            said = json.loads(content)
            if said["layout"] != _LAYOUT or said.get("contracts") != contracts_version():
                raise ContractError(f"{folder} was written by another version: take the rows in anew")
            buckets = tuple(Bucket(**one) for one in said["buckets"])
            return cls(str(said["data"]), buckets, frozenset(said["split_villages"]))
        except (ValueError, KeyError, TypeError):
            raise ContractError(f"{folder}/{MANIFEST} cannot be read: take the rows in anew") from None


@dataclass(frozen=True)
class Buckets:
    """The stored signals of one folder, to be read whole or bucket by bucket; see `Manifest`."""

    directory: Path
    data: str
    buckets: tuple[Bucket, ...]
    split_villages: frozenset[str]

    @classmethod
    def open(cls, directory: Path) -> Buckets:
        """The current signals of a folder; raises `ContractError` when it holds none."""
        try:
            content = (directory / MANIFEST).read_bytes()
        except FileNotFoundError:
            content = None
        except OSError:
            content = b""
        said = Manifest.read(content, str(directory))
        return cls(directory, said.data, said.buckets, said.split_villages)

    def paths(self, feed: str) -> list[Path]:
        """The Parquet files of a feed, one a bucket, in the order of the buckets."""
        return [self.directory / self.data / feed / f"{one.name}.parquet" for one in self.buckets]

    def files(self, bucket: str) -> dict[str, Path]:
        """The Parquet file of every feed of one bucket."""
        return {feed: self.directory / self.data / feed / f"{bucket}.parquet" for feed in CONTRACTS}

    def table(self, feed: str) -> pa.Table:
        """The stored table of a feed, of all buckets; raises `ContractError` naming a bad file."""
        parts = [_read(path) for path in self.paths(feed)]
        return pa.concat_tables(parts) if parts else CONTRACTS[feed].schema.empty_table()

    def household_rows(self, household_id: str) -> dict[str, list[dict[str, Any]]]:
        """The stored rows of one household, feed by feed, dates as dates; found without reading the rest."""
        rows = {}
        for feed in CONTRACTS:
            parts = (_read(path, household_id) for path in self.paths(feed))
            rows[feed] = [row for part in parts for row in part.to_pylist()]
        return rows

    @cached_property
    def coverage(self) -> Coverage:
        """The coverage of all buckets."""
        table = _read(self.directory / self.data / "coverage.parquet")
        return Coverage.from_frame(table.to_pandas(), CONTRACTS)


@lru_cache(maxsize=1)
def contracts_version() -> str:
    """A hash of the stored columns of every feed; signals of other columns must be taken in anew."""
    columns = {
        feed: [f"{one.name} {one.type}" for one in contract.schema] for feed, contract in CONTRACTS.items()
    }
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:16]


class BucketWriter:
    """Writes stored signals bucket by bucket; nothing is seen of it before `finish`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._writing = Path(tempfile.mkdtemp(prefix=".data-", suffix=".writing", dir=directory))
        self._digest = hashlib.sha256()
        self._buckets: list[Bucket] = []
        self._village_buckets: dict[str, set[str]] = {}
        for feed in CONTRACTS:
            (self._writing / feed).mkdir()

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Write the next bucket: a table for every feed, all of the same households."""
        name = f"{len(self._buckets):04d}"
        for feed, contract in CONTRACTS.items():
            self._write(tables[feed].cast(contract.schema), f"{feed}/{name}.parquet")
        register = tables["household"]
        villages = register["village_code"].unique().to_pylist()
        for village in villages:
            self._village_buckets.setdefault(village, set()).add(name)
        self._buckets.append(Bucket(name, len(register["household_id"].unique()), len(villages)))

    def finish(self, coverage: Coverage) -> Buckets:
        """Write the coverage, then put the whole in place of what the folder held."""
        frame = coverage.to_frame()
        self._write(pa.Table.from_pandas(frame, preserve_index=False), "coverage.parquet")
        split = sorted(village for village, held in self._village_buckets.items() if len(held) > 1)
        said: dict[str, Any] = {
            "layout": _LAYOUT,
            "contracts": contracts_version(),
            "buckets": [vars(one) for one in self._buckets],
            "split_villages": split,
        }
        target = self._directory / f"data-{self._digest.hexdigest()[:16]}"
        if _hold_the_same(self._writing, target):
            shutil.rmtree(self._writing)
        else:
            while target.exists():
                # It has that name and other content: something harmed it, and readers may still be in it.
                target = target.with_name(f"{target.name}-mended")
            self._writing.chmod(0o755)
            self._writing.rename(target)
            sync_folder(self._directory)
        said["data"] = target.name
        replace_file(self._directory / MANIFEST, json.dumps(said, indent=1).encode())
        for old in self._directory.iterdir():
            if old != target and _is_own(old):
                shutil.rmtree(old, ignore_errors=True)
        return Buckets.open(self._directory)

    def _write(self, table: pa.Table, place: str) -> None:
        path = self._writing / place
        words = [one.name for one in table.schema if pa.types.is_string(one.type)]
        # Dictionaries pay for words and cost time for numbers; LZ4 is read a third faster than Zstandard.
        pq.write_table(table, path, compression="lz4", use_dictionary=words, row_group_size=ROW_GROUP)
        self._digest.update(f"{place}\0".encode())
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                self._digest.update(block)
            os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place at once and durably: after a crash it is the old one or the new one, whole."""
    writing = path.with_name(f".{path.name}.writing")
    try:
        with writing.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        writing.replace(path)
    except BaseException:
        writing.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def split_by_bucket(
    tables: Mapping[str, pa.Table], households_per_bucket: int
) -> Iterator[dict[str, pa.Table]]:
    """The tables of every feed, bucket after bucket, each of whole villages; rows keep their order.

    A household belongs to the village that it was last registered in; rows of a household that no register
    knows lie in the first bucket. A village of more than `households_per_bucket` households is one bucket.
    """
    if households_per_bucket < 1:
        raise ContractError("a bucket holds at least one household")
    places = _bucket_of_households(tables["household"], households_per_bucket)
    count = 1 + max((int(one) for one in places["bucket"].to_numpy()), default=0)
    if count == 1:
        yield dict(tables)
        return
    order, starts = {}, {}
    with connect() as connection:
        connection.register("places", places)
        for feed, table in tables.items():
            numbered = pa.table({
                "household_id": table["household_id"],
                "number": pa.array(np.arange(len(table)), pa.int64()),
            })
            connection.register("numbered", numbered)
            found = connection.sql(
                "SELECT COALESCE(p.bucket, 0) AS bucket, n.number FROM numbered n "
                "LEFT JOIN places p ON p.household_id = n.household_id ORDER BY 1, 2"
            ).fetchnumpy()
            order[feed] = pa.array(found["number"])
            starts[feed] = np.searchsorted(found["bucket"], np.arange(count + 1))
    for bucket in range(count):
        yield {
            feed: table.take(order[feed][starts[feed][bucket] : starts[feed][bucket + 1]])
            for feed, table in tables.items()
        }


def _bucket_of_households(register: pa.Table, size: int) -> pa.Table:
    """household_id → bucket (from 0), villages in the order of their codes."""
    with connect() as connection:
        connection.register("register", register)
        return connection.sql(
            """
            WITH last AS (
                SELECT household_id, ARG_MIN(village_code, (-epoch(occurred_on), village_code)) AS village
                FROM register GROUP BY household_id
            ), sizes AS (SELECT village, COUNT(*) AS households FROM last GROUP BY village),
            filled AS (
                SELECT village, SUM(households) OVER (ORDER BY village) - households AS before FROM sizes
            )
            SELECT household_id, CAST(DENSE_RANK() OVER (ORDER BY before // $size) - 1 AS INTEGER) AS bucket
            FROM last JOIN filled USING (village)
            """,
            params={"size": size},
        ).to_arrow_table()


def _is_own(path: Path) -> bool:
    """Whether it is certainly a data folder that was written here: by its name and by all that is in it.

    Whatever else people keep beside the signals, under a similar name too, is theirs.
    """
    if not _OWN_NAME.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return False
    inside = (
        one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_symlink() or not one.is_dir()
    )
    return all(_OWN_FILE.fullmatch(one) for one in inside)


def _hold_the_same(one: Path, other: Path) -> bool:
    files = sorted(str(path.relative_to(one)) for path in one.rglob("*") if path.is_file())
    held = sorted(str(path.relative_to(other)) for path in other.rglob("*") if path.is_file())
    return files == held and not any(filecmp.cmpfiles(one, other, files, shallow=False)[1:])


def _read(path: Path, household_id: str | None = None) -> Any:
    chosen = None if household_id is None else [("household_id", "=", household_id)]
    try:
        return pq.read_table(path, partitioning=None, filters=chosen)
    except FileNotFoundError:
        raise ContractError(f"{path.parent} lacks {path.name}: take the rows in anew") from None
    except (pa.ArrowException, OSError):
        raise ContractError(f"{path} is no Parquet table: take the rows in anew") from None
