"""How ours does on panels that it was not made on: simulated ones of many natures, beside every rival.

    python -m benchmarks.unseen [--seeds 6] [--kinds linear,small] [--json]

One row a kind: the ROC-AUC of each model, mean over seeds, the best that could be reached, and ours − rival.
Exit code 1 where ours falls short of a rival by more than chance: see `measured.TIE`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.unseen.kinds import KINDS
from benchmarks.unseen.measured import TIE, measure_kind
from training.panels.rivals import OURS, TITLES


def main(
    seeds: Annotated[int, typer.Option(help="Panels of each kind, with seeds from 0 on", min=1)] = 6,
    kinds: Annotated[str, typer.Option(help="Kinds, with commas between; all if empty")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """How ours does on panels that it was not made on: simulated ones of many natures, beside every rival.

    Compare all models on simulated panels; print each kind.
    """
    console = Console(stderr=True)
    wanted = [one.strip() for one in kinds.split(",") if one.strip()] or list(KINDS)
    unknown = sorted(set(wanted) - set(KINDS))
    if unknown:
        console.print(f"there is no kind {', '.join(unknown)}: there are {', '.join(KINDS)}")
        raise typer.Exit(2)
    found = {kind: measure_kind(kind, range(seeds)) for kind in track(wanted, "kinds", console=console)}
    short = {kind: one["falls_short_of"] for kind, one in found.items() if one["falls_short_of"]}
    if as_json:
        print(json.dumps({"seeds": seeds, "tie": TIE, "kinds": found, "falls_short": short}))
    else:
        Console().print(_table(found))
        console.print(f"falls short: {short or 'nowhere'}")
    if short:
        raise typer.Exit(1)


def _table(found: dict[str, Any]) -> Table:
    table = Table(title="ROC-AUC, mean over seeds; [ours − the best rival, 95 %]", title_justify="left")
    table.add_column("kind", no_wrap=True)
    for name in (*TITLES, "possible", "ours − best"):
        table.add_column(TITLES.get(name, name), justify="right")
    for kind, one in found.items():
        models = {name: measured["roc_auc"] for name, measured in one["models"].items()}
        best = max((name for name in models if name != OURS), key=lambda name: models[name])
        gap = one["ours_minus"][best]
        low, high = gap["interval"]
        table.add_row(
            kind,
            *(f"{models[name]:.3f}" for name in TITLES),
            f"{one['possible']:.3f}",
            f"{gap['mean']:+.3f} [{low:+.3f}, {high:+.3f}]",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
