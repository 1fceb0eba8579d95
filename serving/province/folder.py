"""What a province's run writes, and how it is known to be whole.

    <out>/province.json                              what the run is about, and whether it is complete
    <out>/assessments/county=500101/<bucket>.parquet one row a household, sorted by household_id
    <out>/buckets/<bucket>.json                      what a finished bucket wrote, and its counts by town
    <out>/villages/2026-06-30.json                   the villages' facts that the neighbourhood is made of
    <out>/health.json                                the verdicts on the deliveries
    <out>/health/500101.json                         those of a county, until all are there
    <out>/summary.json                               counts by county and town

A bucket's own file is written last. What a killed run left of a bucket without one is written anew under
the same names, so that nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.engines.run_folder import put_in_place, rows_of
from features.errors import RunError
from features.signals.buckets import replace_file
from serving.province.summary import COUNTY_DIGITS, Counts

MANIFEST, SUMMARY = "province.json", "summary.json"

_ROW_GROUP = 16_384


@dataclass(frozen=True)
class Finished:
    """A finished bucket: the rows of each of its files, by county, and the counts of its towns."""

    rows: Mapping[str, int]
    towns: Mapping[str, Counts]


@dataclass(frozen=True)
class ProvinceFolder:
    """The files of a run's buckets below the folder `out`."""

    out: Path

    def path(self, county: str, bucket: str) -> Path:
        """Where the assessments of a county's households of one bucket lie."""
        return self.out / "assessments" / f"county={county}" / f"{bucket}.parquet"

    def write(self, bucket: str, rows: pa.Table, towns: Mapping[str, Counts]) -> Finished:
        """Write a bucket's rows, one file a county, and then that it is finished."""
        counties = pc.utf8_slice_codeunits(rows["village_code"], 0, COUNTY_DIGITS).combine_chunks()
        found: dict[str, int] = {}
        for county in sorted(counties.unique().to_pylist()):
            mine = rows if len(counties.unique()) == 1 else rows.filter(pc.equal(counties, county))
            path = self.path(county, bucket)
            path.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(path, lambda writing, mine=mine: write_rows(mine, writing))  # type: ignore[misc]
            found[county] = len(mine)
        return self._finish(bucket, found, towns)

    def take(self, bucket: str, parts: Mapping[str, Path], towns: Mapping[str, Counts]) -> Finished:
        """Move a bucket's files, written elsewhere, into place by county; then say that it is finished."""
        found: dict[str, int] = {}
        for county, part in sorted(parts.items()):
            found[county] = rows_of(part)
            path = self.path(county, bucket)
            path.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(path, partial(os.replace, part))
        return self._finish(bucket, found, towns)

    def _finish(self, bucket: str, rows: Mapping[str, int], towns: Mapping[str, Counts]) -> Finished:
        (self.out / "buckets").mkdir(exist_ok=True)
        said = {"rows": rows, "towns": {town: one.as_json() for town, one in towns.items()}}
        replace_file(self.out / "buckets" / f"{bucket}.json", json.dumps(said).encode())
        return Finished(rows, towns)

    def find(self, bucket: str) -> Finished | None:
        """A bucket that an earlier run finished; raises `RunError` when what it wrote is harmed."""
        path = self.out / "buckets" / f"{bucket}.json"
        if not path.is_file():
            return None
        try:
            said: dict[str, Any] = json.loads(path.read_bytes())
            towns = {town: Counts.from_json(one) for town, one in said["towns"].items()}
            return Finished(dict(said["rows"]), towns)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RunError(f"{path} cannot be read: remove it and start again") from None

    def check(self, finished: Mapping[str, Finished]) -> None:
        """Raise `RunError` where a file is absent, unknown or harmed."""
        wanted = {
            self.path(county, bucket): n for bucket, one in finished.items() for county, n in one.rows.items()
        }
        found = set((self.out / "assessments").glob("*/*"))
        if unknown := found - set(wanted):
            raise RunError(f"{min(unknown)} is none of this run's files: remove it and start again")
        for path, rows in wanted.items():
            if path not in found or rows_of(path) != rows:
                raise RunError(
                    f"{path} is absent or holds other rows than were written: "
                    f"remove {self.out / 'buckets' / f'{path.stem}.json'} and start again"
                )

    def files(self) -> list[Path]:
        """Every file of assessments, county by county."""
        return sorted((self.out / "assessments").glob("county=*/*.parquet"))


def write_rows(rows: pa.Table, path: Path) -> None:
    """Write assessments as one Parquet file."""
    # Dictionaries pay for what repeats and cost time for what does not; statistics find a household's group.
    plain = {"household_id", "score"}
    words = [name for name in _leaves(rows.schema) if name not in plain and not name.endswith(_NUMBERS)]
    pq.write_table(
        rows, path, compression="zstd", compression_level=1, use_dictionary=words, row_group_size=_ROW_GROUP,
        write_statistics=["household_id", "village_code"],
    )  # fmt: skip


_NUMBERS = ("contribution", "value", "share", "log_odds")


def _leaves(schema: pa.Schema) -> Iterable[str]:
    """The columns of a schema as Parquet names them, those inside lists and structs too."""
    for one in schema:
        yield from _leaves_of(one.name, one.type)


def _leaves_of(name: str, kind: pa.DataType) -> Iterable[str]:
    if pa.types.is_list(kind):
        yield from _leaves_of(f"{name}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for one in kind:
            yield from _leaves_of(f"{name}.{one.name}", one.type)
    else:
        yield name


def texts(column: Any) -> np.ndarray[Any, Any]:
    """A text column as an array of Python texts."""
    return np.asarray(column.to_pylist(), dtype=object)
