"""The process that reads one file: it puts limits on itself, writes the plain table, and says how it went.

    python -m serving.files.child KIND SOURCE TARGET LIMITS NAMES

Its answer is one line of JSON. What it is killed for, `unpacking` tells from how it ended.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from pathlib import Path

from serving.files.archives import unpack_gzip, unpack_zip
from serving.files.kinds import FileKind, Limits, check_content
from serving.files.refused import DISK_FULL, FileRefused
from serving.files.spreadsheets import unpack_xlsx
from serving.files.texts import unpack_csv


def main(arguments: list[str]) -> None:
    """Read one file and print what came of it."""
    kind, source, target = FileKind(arguments[0]), Path(arguments[1]), Path(arguments[2])
    limits = Limits(**json.loads(arguments[3]))
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.most_bytes * 2),
        (resource.RLIMIT_CORE, 0),
        # For when who watches the time was killed.
        (resource.RLIMIT_CPU, math.ceil(limits.seconds_of(source)) + 1),
    ):
        resource.setrlimit(what, (most, most))
    try:
        answer = {"made": _unpack(kind, source, target, limits, json.loads(arguments[4]))}
    except FileRefused as refused:
        answer = {"refused": refused.code}
    except MemoryError:
        answer = {"refused": "file_too_much_memory"}
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        answer = {"disk_full": error.errno}
    print(json.dumps(answer), flush=True)


def _unpack(kind: FileKind, source: Path, target: Path, limits: Limits, names: list[str]) -> object:
    check_content(source, kind)
    match kind:
        case FileKind.ZIP:
            return unpack_zip(source, target, names, limits)
        case FileKind.XLSX:
            unpack_xlsx(source, target, limits)
        case FileKind.PARQUET:
            # Half a second to import, which the other kinds do not need.
            from serving.files.columns import unpack_parquet

            unpack_parquet(source, target, limits)
        case FileKind.CSV_GZ:
            packed = target.with_name(f"{target.name}.unpacked")
            try:
                unpack_gzip(source, packed, limits)
                check_content(packed, FileKind.CSV)
                unpack_csv(packed, target, limits)
            finally:
                packed.unlink(missing_ok=True)
        case FileKind.CSV:
            unpack_csv(source, target, limits)
    return target.name


if __name__ == "__main__":
    main(sys.argv[1:])
