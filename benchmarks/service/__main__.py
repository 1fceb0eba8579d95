"""Throughput and waiting time of the service: one household with its score and four reasons.

Three requests are measured apart: `vector`, a vector with its score and the sentences of four reasons;
`signals`, a household's signals with exactly that (`fields=score,grade,reasons`); and `whole`, the same
signals with all that the service says by default: reasons of both kinds with dates, sources, usual values and
siblings' firmness, certainty, outlook, families, latest facts.

    python -m benchmarks.service [--json]

Beside it, in the same run and on the same machine, an empty endpoint of the same framework on uvicorn as it
comes (the service reads and writes whole messages in a way of its own: `serving.whole_requests`),
`mlflow models serve`, which only predicts, and, where an interpreter has it, BentoML with LightGBM's own
contributions. Each is one process with one worker, loaded over loopback by 16 connections, in turns.
Processor time is told too: it does not count what else the machine does.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.service.households import make_households, make_tensors, make_vectors
from benchmarks.service.load import Load, Target, run_load
from benchmarks.service.model import NAMES, make_model
from benchmarks.service.servers import (
    answers,
    bento_command,
    empty_command,
    free_port,
    lacks,
    mlflow_command,
    processor_seconds,
    running,
    service_command,
)
from serving.api.inference import MODEL

CONNECTIONS = 16
REASONS = 4
WHOLE = f"/v1/scores?reasons={REASONS}"
SHORT = f"{WHOLE}&fields=score,grade,reasons"
OURS = ("vector", "signals", "whole")
UNLOADED_ANSWERS = 1_000
MODEL_FILE = "BENCHMARK_MODEL"
"""The variable by which `bento.py`, which only its own interpreter can import, is told of the model."""
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}


@dataclass
class Contestant:
    """One server under one kind of request, and what each turn found."""

    target: Target
    process: subprocess.Popen[bytes]
    loads: list[Load] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def turn(self, seconds: float, most_answers: int) -> None:
        before = processor_seconds(self.process.pid)
        found = run_load(self.target, connections=CONNECTIONS, seconds=seconds, most_answers=most_answers)
        self.cpu_ms.append((processor_seconds(self.process.pid) - before) * 1_000 / max(1, found.answers))
        self.loads.append(found)

    def forget(self) -> None:
        self.loads.clear()
        self.cpu_ms.clear()


def main(
    rounds: Annotated[int, typer.Option(help="Turns of each server", min=1, max=50)] = 5,
    seconds: Annotated[float, typer.Option(help="Seconds of a turn at most", min=0.2, max=60)] = 3.0,
    most_answers: Annotated[int, typer.Option(help="Answers of a turn at most", min=16)] = 20_000,
    mlflow: Annotated[bool, typer.Option(help="Measure MLflow's server, too")] = True,
    bentoml: Annotated[
        Path, typer.Option(help="Python that has BentoML and LightGBM; where it has not, BentoML is left out")
    ] = Path(sys.executable),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Throughput and waiting time of the service: one household with its score and four reasons."""
    console = Console(stderr=True)
    lacking = lacks(bentoml, "bentoml", "lightgbm")
    with (
        tempfile.TemporaryDirectory() as scratch,
        contestants(Path(scratch), with_mlflow=mlflow, bento=None if lacking else bentoml) as found,
    ):
        for number in track(range(rounds + 1), "turns", console=console):
            for one in found.values():
                one.turn(seconds, most_answers)
                if not number:
                    # The first turn warms up.
                    one.forget()
        unloaded = {
            name: run_load(one.target, connections=1, seconds=30, most_answers=UNLOADED_ANSWERS).latencies
            for name, one in found.items()
            if name in OURS
        }
    figures = report(found, unloaded) | {"bentoml_lacks": lacking}
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>20}: {value}")


@contextmanager
def contestants(scratch: Path, *, with_mlflow: bool, bento: Path | None) -> Iterator[dict[str, Contestant]]:
    """Every server, started, with its requests; `bento` is the Python of BentoML."""
    bundle = make_model(scratch / "bundle")
    households = make_households()
    with ExitStack() as stack:
        ports = {name: free_port() for name in ("empty", "service", "mlflow", "bentoml")}
        empty = stack.enter_context(
            running(
                empty_command(ports["empty"]), scratch / "empty.log",
                answers(f"http://127.0.0.1:{ports['empty']}/openapi.json"),
            )
        )  # fmt: skip
        service = stack.enter_context(
            running(
                service_command(ports["service"], scratch / "bundle", scratch / "scores.db"),
                scratch / "service.log",
                answers(f"http://127.0.0.1:{ports['service']}/health/ready"),
                QUIET,
            )
        )
        found = {
            "empty": Contestant(Target.post("empty", ports["empty"], "/", b"{}"), empty),
            "vector": Contestant(
                Target.post("vector", ports["service"], f"/v2/models/{MODEL}/infer", *make_tensors(REASONS)),
                service,
            ),
            "signals": Contestant(Target.post("signals", ports["service"], SHORT, *households), service),
            "whole": Contestant(Target.post("whole", ports["service"], WHOLE, *households), service),
        }
        if with_mlflow:
            # First of all, so that MLflow reports to nobody.
            import scoring.registry  # noqa: F401
            import mlflow.lightgbm  # isort: skip

            mlflow.lightgbm.save_model(bundle.model.booster, scratch / "mlflow", pip_requirements=[])
            process = stack.enter_context(
                running(
                    mlflow_command(ports["mlflow"], scratch / "mlflow"), scratch / "mlflow.log",
                    answers(f"http://127.0.0.1:{ports['mlflow']}/ping"), QUIET,
                )
            )  # fmt: skip
            bodies = [
                json.dumps({"dataframe_split": {"columns": list(NAMES), "data": [one]}}).encode()
                for one in make_vectors()
            ]
            found["mlflow"] = Contestant(
                Target.post("mlflow", ports["mlflow"], "/invocations", *bodies), process
            )
        if bento is not None:
            text = scratch / "model.txt"
            bundle.model.booster.save_model(text)
            process = stack.enter_context(
                running(
                    bento_command(ports["bentoml"], bento), scratch / "bentoml.log",
                    answers(f"http://127.0.0.1:{ports['bentoml']}/readyz"),
                    {**QUIET, MODEL_FILE: str(text), "BENTOML_DO_NOT_TRACK": "True"},
                )
            )  # fmt: skip
            bodies = [json.dumps({"vector": one}).encode() for one in make_vectors()]
            found["bentoml"] = Contestant(
                Target.post("bentoml", ports["bentoml"], "/explain", *bodies), process
            )
        yield found


def report(found: Mapping[str, Contestant], unloaded: Mapping[str, list[float]]) -> dict[str, Any]:
    """The figures: answers a second (medians of the turns), waiting times without load, and shares.

    A share is the median, over the turns, of the answers a second beside those of the empty endpoint in the
    same turn; `*_cpu_ms` is the server's processor time for one answer.
    """
    figures: dict[str, Any] = {}
    for name in ("empty", *OURS, "mlflow", "bentoml"):
        one = found.get(name)
        figures[f"{name}_rps"] = one and round(statistics.median(load.per_second for load in one.loads), 1)
    for name, prefix in (("signals", ""), ("vector", "vector_"), ("whole", "whole_")):
        waits = sorted(unloaded.get(name, ()))
        for percent in (50, 99):
            place = max(0, -(-len(waits) * percent // 100) - 1)
            figures[f"{prefix}p{percent}_ms"] = round(waits[place] * 1_000, 2) if waits else None
    for name in OURS:
        if name in found:
            pairs = zip(found[name].loads, found["empty"].loads, strict=True)
            share = statistics.median(one.per_second / empty.per_second for one, empty in pairs)
            figures[f"{name}_of_empty"] = round(share, 3)
    for name, one in found.items():
        # Their servers are children of the process that was started.
        if name not in ("mlflow", "bentoml"):
            figures[f"{name}_cpu_ms"] = round(statistics.median(one.cpu_ms), 3)
    figures["client_share"] = round(statistics.median(load.client_share for load in found["empty"].loads), 3)
    return figures


if __name__ == "__main__":
    typer.run(main)
