"""A model behind BentoML: its score and LightGBM's own contributions. It needs BentoML and LightGBM alone.

Run by `bentoml serve`, in an interpreter that need not be this project's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml
import lightgbm as lgb
import numpy as np


@bentoml.service(workers=1)
class Scores:
    """One household a request: its probability, and what each feature added to the log-odds."""

    def __init__(self) -> None:
        self.booster = lgb.Booster(model_str=Path(os.environ["BENCHMARK_MODEL"]).read_text(encoding="utf-8"))

    @bentoml.api  # type: ignore[untyped-decorator]  # it is installed where it serves, not here
    def explain(self, vector: list[float]) -> dict[str, Any]:
        """The score, and contributions with the base value last."""
        added = self.booster.predict(np.array([vector]), pred_contrib=True, num_threads=1)[0]
        return {"score": float(1 / (1 + np.exp(-added.sum()))), "contributions": added.tolist()}
