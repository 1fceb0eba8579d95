"""How much the model gains over the best rule: several simulated counties, not one lucky one.

    python -m benchmarks.counties --seeds 8 [--json]

Each county is simulated, taken in, trained on and tested as the demo does it with ``county.yaml``. At a
capacity of 1 % some 20 of 200 visits find a household, so one county's lift can be far from the mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.progress import track

from features import CONTRACTS, Signals, take_in
from features.signals import Coverage
from training.baselines import LOGISTIC
from training.evaluate import OURS, evaluate
from training.experiment import load_experiment
from training.simulation import CountySettings, simulate_county

EXPERIMENT = Path("training/experiments/county.yaml")
WORDS = ("best_rule", "verdict", "best_baseline")
GRADE_SHARES = {"high": 0.01, "medium": 0.04}


def main(
    seeds: Annotated[int, typer.Option(help="Counties to simulate, with seeds from 1 on", min=1)] = 8,
    households: Annotated[int, typer.Option(help="Households of each county", min=2_000)] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """How much the model gains over the best rule: several simulated counties, not one lucky one.

    Train and test on several counties; print each and the mean.
    """
    console = Console(stderr=True)
    numbers = range(1, seeds + 1)
    rows = [measure(seed, households) for seed in track(numbers, "counties", console=console)]
    mean = pd.DataFrame(rows).drop(columns=["seed", *WORDS]).mean().to_dict()
    if as_json:
        print(json.dumps({"counties": rows, "mean": mean}))
    else:
        table = pd.DataFrame([*rows, {"seed": "mean", **dict.fromkeys(WORDS, ""), **mean}])
        print(table.to_string(index=False, float_format="{:.4f}".format))


def measure(seed: int, households: int) -> dict[str, Any]:
    """Out-of-time figures of one simulated county."""
    county = simulate_county(CountySettings(seed=seed, households=households))
    tables = {name: take_in(name, frame).accepted for name, frame in county.feeds.items()}
    signals = Signals(tables, Coverage.from_frame(county.coverage, CONTRACTS))
    found = evaluate(
        load_experiment(EXPERIMENT),
        signals,
        county.outcomes,
        county.settings.ends_on,
        version=f"county-{seed}",
        grade_shares=GRADE_SHARES,
    )
    test = found.tests[-1]
    ours = test.rankings[OURS]
    return {
        "seed": seed,
        "n": ours.n,
        "base_rate": test.base_rate,
        "roc_auc": ours.roc_auc.value,
        "ece": ours.ece.value if ours.ece else None,
        "precision": ours.precision.value,
        "precision_logistic": test.rankings[LOGISTIC].precision.value,
        "precision_best_rule": test.rankings[test.best_rule].precision.value,
        "best_rule": test.best_rule,
        "lift": ours.lift.value,
        "verdict": found.verdict.verdict,
        "best_baseline": found.verdict.best_baseline,
    }


if __name__ == "__main__":
    typer.run(main)
