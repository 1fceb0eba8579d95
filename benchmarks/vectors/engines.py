"""The engines that are compared. Each runs in a process of its own, so that its memory is its own.

    python -m benchmarks.vectors.engines NAME SIGNALS OUT

prints one JSON object with `wall_s`, `cpu_s` (all threads) and `peak_mb`; importing is not timed, and its
memory is counted.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.vectors.made_up import AS_OF
from features.engines.buckets import read_vectors, write_vectors
from features.signals.buckets import Buckets


def _duckdb(signals: Path, out: Path) -> None:
    write_vectors(signals, [AS_OF], out)


def _duckdb_20(signals: Path, out: Path) -> None:
    from benchmarks.vectors.by_hand import chosen

    write_vectors(signals, [AS_OF], out, features=chosen())


def _pandas_20(signals: Path, out: Path) -> None:
    from benchmarks.vectors.by_hand import with_pandas

    out.mkdir()
    with_pandas(Buckets.open(signals), AS_OF, out / "vectors.parquet")


def _polars_20(signals: Path, out: Path) -> None:
    from benchmarks.vectors.by_hand import with_polars

    out.mkdir()
    with_polars(Buckets.open(signals), AS_OF, out / "vectors.parquet")


ENGINES: dict[str, Callable[[Path, Path], None]] = {
    "duckdb": _duckdb,
    "duckdb_20": _duckdb_20,
    "polars_20": _polars_20,
    "pandas_20": _pandas_20,
}
"""`_20`: only the twenty features of `by_hand`, which the others were written for."""


def is_installed(engine: str) -> bool:
    """Whether what the engine needs is there."""
    return importlib.util.find_spec(engine.partition("_")[0]) is not None


def measure(engine: str, signals: Path, out: Path) -> dict[str, float]:
    """Run an engine in a process of its own. Raises `RuntimeError` with what it said when it fails."""
    command = [sys.executable, "-m", "benchmarks.vectors.engines", engine, str(signals), str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{engine} failed with exit code {done.returncode}: {done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def vectors_of(engine: str, out: Path) -> pd.DataFrame:
    """What an engine wrote, by household."""
    if engine.startswith("duckdb"):
        return read_vectors(out, AS_OF).droplevel("as_of_date")
    return pd.read_parquet(out / "vectors.parquet").set_index("household_id").sort_index()


def main(engine: str, signals: Path, out: Path) -> None:
    """Run one engine and print what it took."""
    run = ENGINES[engine]
    if engine.startswith(("polars", "pandas")):
        from benchmarks.vectors import by_hand  # noqa: F401 (imported now, so that it is not timed)
    wall, cpu = time.perf_counter(), time.process_time()
    run(signals, out)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mb": round(peak)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
