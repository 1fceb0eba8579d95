"""Unpacking: one file in, plain tables out, by a child process that may not take more than its limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serving.files.kinds import FileKind, Limits, kind_of_name
from serving.files.refused import FILE_PROBLEMS, FileRefused

_ENDINGS = {FileKind.XLSX: ".cells", FileKind.PARQUET: ".parquet"}
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Memory that is only reserved counts against the limit.
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def unpack(source: Path, name: str, folder: Path, limits: Limits, names: list[str]) -> dict[str, Path]:
    """Write the plain tables of a file to `folder`, by their names.

    `name` is what a single table is called; an archive may hold the tables of `names`, each of which is
    unpacked in its turn. Raises `FileRefused`, and `OSError` where there is no room.
    """
    kind = kind_of_name(source.name)
    if kind is not FileKind.ZIP:
        target = folder / f"{name}{_ENDINGS.get(kind, '.csv')}"
        _run(kind, source, target, limits, [])
        return {name: target}
    packed = folder / "packed"
    packed.mkdir(exist_ok=True)
    made: dict[str, str] = _run(kind, source, packed, limits, names)
    return {
        one: path
        for table, file in made.items()
        for one, path in unpack(packed / file, table, folder, limits, []).items()
    }


def _run(kind: FileKind, source: Path, target: Path, limits: Limits, names: list[str]) -> Any:
    command = [
        sys.executable, "-m", "serving.files.child", kind.value, str(source), str(target),
        json.dumps(asdict(limits)), json.dumps(names),
    ]  # fmt: skip
    seconds = limits.seconds + source.stat().st_size * limits.seconds_per_byte
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=seconds, env={**os.environ, **_ONE_THREAD},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise FileRefused("file_too_slow") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if "made" in answer:
        return answer["made"]
    # A reader that is not given memory ends its process without a word.
    code = answer.get("refused", "file_too_much_memory" if done.returncode < 0 else "file_damaged")
    raise FileRefused(code if code in FILE_PROBLEMS else "file_damaged")
