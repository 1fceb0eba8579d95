"""Speed and memory of `python -m serving score-province` over a made-up province.

    python -m benchmarks.province --households 1000000 [--no-health] [--json]

The signals (40 rows a household, those of `benchmarks.vectors`) and the model (500 trees of 63 leaves over
all features, with the tables of its contributions) are made once and kept under `--data`. The run itself
happens in a process of its own, so that its memory is its own; imports are not timed, their memory counts.
Stages run beside each other, so that together they take longer than the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.province.model import stored_bundle
from benchmarks.vectors.made_up import stored_signals

console = Console(stderr=True)


def main(
    households: Annotated[int, typer.Option(help="Households of the province", min=1_000)] = 1_000_000,
    health: Annotated[bool, typer.Option(help="Judge the deliveries first")] = True,
    data: Annotated[Path, typer.Option(help="Where signals and model are kept")] = Path(".benchmarks"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Speed and memory of `python -m serving score-province` over a made-up province.

    Time one run, from raw Parquet signals to written reasons.
    """
    signals = data / "vectors" / str(households)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"making signals of {households:,} households", total=households)
        stored = stored_signals(signals, households, lambda done, _: bar.update(task, completed=done))
    model = data / "province" / "model"
    with console.status("training the model"):
        stored_bundle(model, stored)
    with tempfile.TemporaryDirectory(dir=data) as folder, console.status(f"{households:,} households"):
        found = measure(signals, model, Path(folder) / "out", health=health)
    if as_json:
        print(json.dumps(found))
        return
    took = f"{found['wall_s']} s, {found['cpu_s']} s of CPU, {found['peak_mb']:,} MB"
    print(f"{found['households']:,} households: {took}")
    for stage, seconds in found["stages"].items():
        print(f"{stage:>22}: {seconds:8.2f} s")


def measure(signals: Path, model: Path, out: Path, *, health: bool) -> dict[str, Any]:
    """Run once in a process of its own. Raises `RuntimeError` with what it said when it fails."""
    command = [sys.executable, "-m", "benchmarks.province.once", str(signals), str(model), str(out)]
    command += ["health"] if health else []
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the run failed with exit code {done.returncode}: {done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    typer.run(main)
