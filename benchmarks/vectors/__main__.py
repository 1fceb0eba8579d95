"""Speed and memory of the engines over a made-up province.

    python -m benchmarks.vectors --households 1000000 [--engine duckdb] [--json]

The signals (40 rows a household) are made once and kept under `--data`. Batch engines read them from
Parquet and write Parquet, each in a process of its own; the online engine is timed one household at a time,
with its rows at hand.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.vectors.engines import ENGINES, is_installed, measure, vectors_of
from benchmarks.vectors.made_up import AS_OF, stored_signals
from features import CONTRACTS, FEATURES, RowEngine, Signals
from features.engines.row import stored_row
from features.signals.buckets import Buckets

console = Console(stderr=True)

MOST_PANDAS = 2_000_000
"""Households beyond which pandas, which holds everything, would take more than 16 GB."""


def main(
    households: Annotated[int, typer.Option(help="Households of the province", min=1_000)] = 100_000,
    engine: Annotated[
        list[str] | None, typer.Option(help=f"Only these: {', '.join(ENGINES)}; may be given again")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Households timed one by one; 0 for none", min=0)] = 3_000,
    data: Annotated[Path, typer.Option(help="Where made-up signals are kept")] = Path(".benchmarks/vectors"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Speed and memory of the engines over a made-up province.

    Time the batch engines on the same signals, and the online engine household by household.
    """
    names = engine or list(ENGINES)
    if unknown := set(names) - set(ENGINES):
        console.print(f"There is no engine {', '.join(sorted(unknown))}; there are {', '.join(ENGINES)}.")
        raise typer.Exit(2)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"making signals of {households:,} households", total=households)
        stored = stored_signals(
            data / str(households), households, lambda done, _: bar.update(task, completed=done)
        )
    found: dict[str, Any] = {
        "households": sum(one.households for one in stored.buckets),
        "features": len(FEATURES),
        "signal_rows": sum(
            pq.read_metadata(path).num_rows for feed in CONTRACTS for path in stored.paths(feed)
        ),
        "engines": {},
    }
    written: dict[str, pd.DataFrame] = {}
    for name in names:
        if not is_installed(name) or (name == "pandas_20" and households > MOST_PANDAS):
            console.print(
                f"{name}: left out ({'not installed' if not is_installed(name) else 'too little memory'})"
            )
            continue
        with console.status(f"{name} over {households:,} households"):
            found["engines"][name] = _measured(name, stored, written, compare=households <= MOST_PANDAS)
    _check_equal(written)
    if repeats:
        milliseconds = time_rows(stored, repeats)
        found["row_p50_ms"] = round(statistics.median(milliseconds), 4)
        found["row_p99_ms"] = round(float(np.quantile(milliseconds, 0.99)), 4)
    if as_json:
        print(json.dumps(found))
    else:
        _print(found)


def _measured(
    name: str, stored: Buckets, written: dict[str, pd.DataFrame], *, compare: bool
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=stored.directory.parent) as folder:
        out = Path(folder) / "out"
        numbers = measure(name, stored.directory, out)
        if compare and name.endswith("_20"):
            written[name] = vectors_of(name, out)
        shutil.rmtree(out)
    rows = sum(one.households for one in stored.buckets)
    return {**numbers, "households_per_s": round(rows / numbers["wall_s"])}


def _check_equal(written: dict[str, pd.DataFrame]) -> None:
    """What is compared must be the same work; raises `AssertionError` at the first difference."""
    frames = list(written.values())
    for other in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], other[frames[0].columns], rtol=1e-12, atol=0)


def time_rows(stored: Buckets, repeats: int) -> list[float]:
    """Milliseconds of one household after another, each with its rows at hand, after a warm-up."""
    bucket = stored.buckets[0].name
    signals = Signals(
        {feed: pq.read_table(path) for feed, path in stored.files(bucket).items()}, stored.coverage
    )
    engine = RowEngine(FEATURES.values())
    households = signals.tables["household"]["household_id"].slice(0, 200).to_pylist()
    rows = [
        {feed: [stored_row(one) for one in found] for feed, found in signals.household_rows(key).items()}
        for key in households
    ]
    times = []
    for number in range(repeats + len(rows)):
        started = time.perf_counter()
        engine.vector(rows[number % len(rows)], AS_OF, signals.coverage)
        times.append((time.perf_counter() - started) * 1000)
    return times[len(rows) :]


def _print(found: dict[str, Any]) -> None:
    table = Table(
        title=f"{found['households']:,} households, {found['signal_rows']:,} signal rows, "
        f"{found['features']} features (20 where it says so)",
        title_justify="left",
    )
    for name in ("engine", "wall s", "CPU s", "peak MB", "households/s", "wall / Polars", "memory / Polars"):
        table.add_column(name, justify="left" if name == "engine" else "right")
    polars = found["engines"].get("polars_20")
    for name, one in found["engines"].items():
        ratios = ["", ""]
        if polars and name.endswith("_20"):
            ratios = [f"{one[key] / polars[key]:.2f} ×" for key in ("wall_s", "peak_mb")]
        cells = (
            f"{one['wall_s']:.1f}",
            f"{one['cpu_s']:.1f}",
            f"{one['peak_mb']:,.0f}",
            f"{one['households_per_s']:,}",
        )
        table.add_row(name, *cells, *ratios)
    Console().print(table)
    if "row_p50_ms" in found:
        print(f"one household, all features: p50 {found['row_p50_ms']} ms, p99 {found['row_p99_ms']} ms")


if __name__ == "__main__":
    typer.run(main)
