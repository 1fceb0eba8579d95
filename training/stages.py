"""Stages: what a run has finished is kept on disk, so that a killed run goes on from there.

Kept as Parquet, LightGBM's own text and JSON: nothing that runs code when it is read. A stage appears whole
or not at all. What a run uses is always what was written and read back, also in an unbroken run, so that both
give the same bytes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from training.errors import DataError
from training.matrix import Matrix

T = TypeVar("T")

VALUE = "value.json"


class Stages:
    """The finished stages of one run in `folder`; without a folder nothing is kept and all is built.

    A stage may hold `classes`, which are dataclasses or pydantic models, and those that a dataclass's fields
    are annotated with, and so on; nothing else is made when it is read. The folder belongs to one hash of
    settings, data and code: `named_by` makes it.
    """

    def __init__(self, folder: Path | None = None, classes: tuple[type[Any], ...] = ()) -> None:
        self._folder = folder
        self._classes: Mapping[str, type[Any]] = {one.__name__: one for one in reachable(classes)}

    def value(self, name: str, build: Callable[[], T]) -> T:
        """What `build` gives, built once: dataclasses, boosters, arrays and plain values, nested."""
        if self._folder is None:
            return build()
        place = self._place(name)
        if not place.is_dir():
            self._write(place, lambda scratch: self._write_value(scratch, build()))
        return cast("T", self._decode(json.loads((place / VALUE).read_text("utf-8")), place))

    def matrix(self, name: str, build: Callable[[], Matrix]) -> Matrix:
        """The matrix that `build` gives, built once."""
        if self._folder is None:
            return build()
        place = self._place(name)
        if not place.is_dir():
            self._write(place, lambda scratch: pq.write_table(_table(build()), scratch / "matrix.parquet"))
        return _matrix(pq.read_table(place / "matrix.parquet"))

    def remove(self) -> None:
        """Delete everything kept: the run is finished."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _place(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / name

    def _write(self, place: Path, fill: Callable[[Path], None]) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=".stage-"))
        try:
            fill(scratch)
            os.replace(scratch, place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _write_value(self, scratch: Path, value: Any) -> None:
        tree = self._encode(value, scratch, {})
        (scratch / VALUE).write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")

    def _encode(self, value: Any, scratch: Path, boosters: dict[int, str]) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, dt.date):
            return {"date": value.isoformat()}
        if isinstance(value, lgb.Booster):
            # One booster may stand in two places; it is one file.
            file = boosters.setdefault(id(value), f"model-{len(boosters)}.txt")
            (scratch / file).write_text(value.model_to_string(), encoding="utf-8", newline="\n")
            return {"booster": file}
        if isinstance(value, np.ndarray):
            file = f"array-{len(list(scratch.glob('array-*')))}.parquet"
            flat = pa.table({"values": value.reshape(-1)})
            pq.write_table(flat, scratch / file)
            return {"array": file, "shape": list(value.shape)}
        if isinstance(value, list | tuple):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {kind: [self._encode(one, scratch, boosters) for one in value]}
        if isinstance(value, dict):
            return {"dict": [[key, self._encode(one, scratch, boosters)] for key, one in value.items()]}
        name = type(value).__name__
        if isinstance(value, BaseModel) and self._classes.get(name) is type(value):
            return {"form": name, "fields": value.model_dump(mode="json")}
        if dataclasses.is_dataclass(value) and self._classes.get(name) is type(value):
            fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
            return {
                "class": name,
                "fields": {key: self._encode(one, scratch, boosters) for key, one in fields.items()},
            }
        raise TypeError(f"a stage cannot keep a {name}")

    def _decode(self, tree: Any, place: Path, boosters: dict[str, lgb.Booster] | None = None) -> Any:
        known = {} if boosters is None else boosters
        if not isinstance(tree, dict):
            return tree
        if "date" in tree:
            return dt.date.fromisoformat(tree["date"])
        if "booster" in tree:
            file = tree["booster"]
            if file not in known:
                known[file] = lgb.Booster(model_str=(place / file).read_text("utf-8"))
            return known[file]
        if "array" in tree:
            flat = pq.read_table(place / tree["array"])["values"].to_numpy()
            return np.array(flat.reshape(tree["shape"]))
        if "form" in tree:
            return self._classes[tree["form"]].model_validate(tree["fields"])
        if "class" in tree:
            fields = {key: self._decode(one, place, known) for key, one in tree["fields"].items()}
            return self._classes[tree["class"]](**fields)
        if "dict" in tree:
            return {key: self._decode(one, place, known) for key, one in tree["dict"]}
        kind, values = next(iter(tree.items()))
        items = [self._decode(one, place, known) for one in values]
        return tuple(items) if kind == "tuple" else items


def reachable(classes: Iterable[type[Any]]) -> set[type[Any]]:
    """The classes themselves, and those that annotations of dataclasses' fields name, directly or not."""
    found: set[type[Any]] = set()
    waiting: list[Any] = list(classes)
    while waiting:
        one = waiting.pop()
        waiting += get_args(one)
        if isinstance(one, type) and one not in found:
            if issubclass(one, BaseModel):
                # Read back by its own form, with all that it holds.
                found.add(one)
            elif dataclasses.is_dataclass(one):
                found.add(one)
                waiting += get_type_hints(one).values()
    return found


def named_by(*parts: Any) -> str:
    """A short hash of plain data: a folder named by it belongs to runs that had the same."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _table(matrix: Matrix) -> pa.Table:
    index = matrix.vectors.index.to_frame(index=False)
    columns: dict[str, Any] = {
        "household_id": pa.array(index["household_id"].astype(str)),
        "as_of_date": pa.array(index["as_of_date"].to_numpy(dtype="datetime64[s]")),
        "label": matrix.labels,
    }
    if matrix.villages is not None:
        columns["village"] = pa.array(matrix.villages, type=pa.string())
    taken = set(columns) & set(matrix.vectors.columns)
    if taken:
        raise DataError(f"no feature may be named {', '.join(sorted(taken))}")
    vectors = {name: matrix.vectors[name].to_numpy(dtype=np.float64) for name in matrix.vectors.columns}
    return pa.table({**columns, **vectors})


def _matrix(table: pa.Table) -> Matrix:
    frame = table.to_pandas()
    index = pd.MultiIndex.from_arrays(
        [frame.pop("household_id"), frame.pop("as_of_date")], names=["household_id", "as_of_date"]
    )
    labels = frame.pop("label").to_numpy(dtype=np.int64)
    villages = frame.pop("village").to_numpy(dtype=object) if "village" in frame else None
    return Matrix(frame.set_index(index), labels, villages)
