"""Unpacking: one file in, plain tables out, by a child process that may not take more than its limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

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


def unpack_unnamed(source: Path, limits: Limits) -> tuple[FileKind, IO[bytes]]:
    """The plain table of a file in memory that no folder names, for what may lie in no temporary file.

    Answers CSV in UTF-8, the lines of a sheet, or Parquet, and which of them. Raises `FileRefused`.
    """
    kind = kind_of_name(source.name)
    if kind not in {FileKind.CSV, FileKind.XLSX, FileKind.PARQUET}:
        raise FileRefused("file_kind_unknown")
    made = os.fdopen(os.memfd_create("table"), "rb")
    try:
        _run(kind, source, Path(f"/proc/self/fd/{made.fileno()}"), limits, [], [made.fileno()])
    except BaseException:
        made.close()
        raise
    return kind, made


def _run(
    kind: FileKind, source: Path, target: Path, limits: Limits, names: list[str], kept: Sequence[int] = ()
) -> Any:
    command = [
        sys.executable, "-m", "serving.files.child", kind.value, str(source), str(target),
        json.dumps(asdict(limits)), json.dumps(names),
    ]  # fmt: skip
    seconds = limits.seconds_of(source)
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=seconds, env={**os.environ, **_ONE_THREAD}, pass_fds=kept,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise FileRefused("file_too_slow") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if "made" in answer:
        return answer["made"]
    if "disk_full" in answer:
        raise OSError(answer["disk_full"], os.strerror(answer["disk_full"]))
    # A reader that is not given memory ends its process without a word.
    code = answer.get("refused", "file_too_much_memory" if done.returncode < 0 else "file_damaged")
    raise FileRefused(code if code in FILE_PROBLEMS else "file_damaged")
