"""One run of a province, measured: prints one JSON object. Started by `python -m benchmarks.province`."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.vectors.made_up import AS_OF
from scoring import load_bundle
from serving.province import score_province


def main(signals: Path, model: Path, out: Path, *, health: bool) -> None:
    """Score the province; the time includes loading and checking the bundle."""
    wall, cpu = time.perf_counter(), time.process_time()
    bundle = load_bundle(model)
    loaded = time.perf_counter() - wall
    run = score_province(signals, AS_OF, bundle, out, health=health)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({
        "households": run.households,
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "stages": {"bundle": round(loaded, 2), **run.stages},
        "written_mb": round(sum(one.stat().st_size for one in out.rglob("*.parquet")) / 1e6),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), health="health" in sys.argv[4:])
