"""Panels whose truth is known: what the label depends on, and what is noise."""

from __future__ import annotations

import numpy as np
import pandas as pd


def make_panel(
    *, seed: int = 0, households: int = 250, waves: int = 3, depends_on: str = "both", rate: float = 0.2
) -> pd.DataFrame:
    """Rows of ``hh, year, village, income, sick, size, noise1…3, poor``; waves from 2010, two years apart.

    The label depends on income alone (``income``), on two other facts alone (``others``), or on all three.
    """
    rng = np.random.default_rng(seed)
    rows = households * waves
    lasting = np.tile(rng.normal(0, 1, households), waves)
    panel = pd.DataFrame({
        "hh": np.tile(np.arange(households) + 1_000, waves),
        "year": np.repeat(2010 + 2 * np.arange(waves), households),
        "village": np.tile(rng.integers(0, 25, households), waves),
        "income": np.exp(8 + lasting + 0.5 * rng.normal(0, 1, rows)).round(2),
        "sick": rng.choice(["yes", "no"], rows, p=[0.3, 0.7]),
        "size": rng.integers(1, 9, rows),
    })
    for number in range(1, 4):
        panel[f"noise{number}"] = rng.normal(0, 1, rows).round(4)
    poor = -1.5 * (np.log(panel["income"]) - 8)
    other = 2.0 * (panel["sick"] == "yes") + 0.7 * (panel["size"] - 4.5)
    lean = {"income": poor, "others": other, "both": poor + other}[depends_on].to_numpy()
    level = np.quantile(lean + rng.logistic(0, 1, rows), 1 - rate)
    panel["poor"] = (rng.random(rows) < 1 / (1 + np.exp(level - lean))).astype(int)
    return panel
