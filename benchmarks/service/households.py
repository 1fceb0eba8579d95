"""Bodies of many households, each other than the next, so that nothing is measured by being remembered."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks.service.model import make_rows
from features import FEATURES
from serving.api.documentation import example_request
from serving.api.inference import VECTORS

COUNT = 64


def make_households() -> list[bytes]:
    """Requests of one household each, with its signals: the documented one, its amounts scaled."""
    made = []
    for number in range(COUNT):
        request = example_request()
        for one in request["households"]:
            one["household_id"] = f"{one['household_id']}-{number}"
            one["signals"] = _scaled(one["signals"], number + COUNT // 4)
        made.append(json.dumps(request, ensure_ascii=False).encode())
    return made


def make_vectors() -> list[list[float]]:
    """Vectors of one household each, nothing missing and no value that signals could not give."""
    rows, _ = make_rows(np.random.default_rng(11))
    least, greatest = np.array([one.limits for one in FEATURES.values()]).T
    found: list[list[float]] = np.nan_to_num(rows[:COUNT]).clip(least, greatest).tolist()
    return found


def make_tensors(reasons: int) -> list[bytes]:
    """The same as requests of the Open Inference Protocol."""
    return [
        json.dumps({
            "parameters": {"reasons": reasons},
            "inputs": [{"name": VECTORS, "shape": [1, len(one)], "datatype": "FP64", "data": one}],
        }).encode()
        for one in make_vectors()
    ]


def _scaled(signals: dict[str, Any], share: int) -> dict[str, Any]:
    """The signals with `share` 64ths of every amount, rounded down: a part stays below its whole."""
    return {
        feed: [
            {
                name: int(value * 100) * share // COUNT / 100 if name.endswith("_yuan") and value else value
                for name, value in row.items()
            }
            for row in rows
        ]
        for feed, rows in signals.items()
    }
