"""Measured: a kind drawn anew with several seeds, ours beside every rival, and where it falls short.

A difference is the mean over seeds with its standard error, each seed a new panel. On the panel that is drawn
the error of one draw of households is in it as well, so this is what somebody with one new panel must expect.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from benchmarks.unseen.kinds import KINDS, Panel
from training.panels import compare_panel
from training.panels.rivals import OURS

TIE = 0.003
"""Less of ROC-AUC is no difference that anybody could act upon."""


def measure_kind(kind: str, seeds: Sequence[int]) -> dict[str, Any]:
    """``{"n", "positives", "possible", "models", "ours_minus", "verdicts", "falls_short_of", "seconds"}``.

    `models` are mean ROC-AUC and precision at 10 %; `possible` is the ROC-AUC of the true probabilities. A
    rival is fallen short of where ours − rival is below zero by more than two standard errors and `TIE`.
    """
    began = time.monotonic()
    panels = [KINDS[kind](np.random.default_rng(1_000 + seed)) for seed in seeds]
    compared = [
        compare_panel(one.frame, household="hh", label="poor", naive="income", time=one.time, group=one.group)
        for one in panels
    ]
    names = list(compared[0].models)
    gaps = {
        name: [one.models[OURS].roc_auc - one.models[name].roc_auc for one in compared]
        for name in names
        if name != OURS
    }
    minus = {name: _difference(found) for name, found in gaps.items()}
    return {
        "n": _mean([one.n for one in compared]),
        "positives": _mean([one.positives for one in compared]),
        "possible": _mean([_possible(one) for one in panels]),
        "models": {
            name: {
                "roc_auc": _mean([one.models[name].roc_auc for one in compared]),
                "precision_at_10": _mean([one.models[name].precision.mean for one in compared]),
            }
            for name in names
        },
        "ours_minus": minus,
        "verdicts": [one.judged.word for one in compared],
        "falls_short_of": [
            name for name, one in minus.items() if one["mean"] < -TIE and one["interval"][1] < 0
        ],
        "trust_in_rule": _mean([one.weights["naive rule"] for one in compared]),
        "seconds": round(time.monotonic() - began, 1),
    }


def _difference(found: Sequence[float]) -> dict[str, Any]:
    mean = _mean(found)
    if len(found) < 2:
        return {"mean": mean, "interval": [-1.0, 1.0]}
    arm = float(t.ppf(0.975, len(found) - 1)) * float(np.std(found, ddof=1)) / math.sqrt(len(found))
    return {"mean": mean, "interval": [mean - arm, mean + arm]}


def _possible(panel: Panel) -> float:
    measured = np.ones(len(panel.frame), dtype=np.bool_)
    if panel.time is not None:
        waves = panel.frame[panel.time]
        measured = (waves == waves.max()).to_numpy()
    return float(roc_auc_score(panel.frame["poor"][measured], panel.chance[measured]))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
