"""The JSON: every key of a real one is described, and it is plain JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

from tests.training.test_evaluate import FIT, TEST, TRAIN, evaluated, experiment, matrices
from training.champion import Champion
from training.evaluation.document import FORMAT, evaluation_json
from training.experiment import GridSettings
from training.fit import FitSettings
from training.timeline import rolling_splits

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "evaluation.md"
NAMED = {"rankings", "differences", "words", "dial", "pooled", "overrides", "settings", "fit"}
"""Keys whose own keys are names: of rankings, areas or settings of the fit."""


def keys(found: Any, *, are_names: bool = False) -> set[str]:
    if isinstance(found, list):
        return set().union(*(keys(one) for one in found)) if found else set()
    if not isinstance(found, dict):
        return set()
    own = set() if are_names else set(found)
    return own.union(*(keys(value, are_names=key in NAMED and not are_names) for key, value in found.items()))


def test_every_key_is_described() -> None:
    # Which keys there are depends on neither the number of rows nor that of trees.
    fit = dataclasses.replace(FIT, max_trees=30)
    grid = GridSettings((("few", fit), ("many", dataclasses.replace(fit, num_leaves=31))))
    splits = rolling_splits(TRAIN, (TEST[1], dt.date(2025, 10, 31)), 12)
    given = matrices(1.5, households=500)
    given = dataclasses.replace(
        given, tests={TEST[1]: given.tests[TEST[1]], dt.date(2025, 10, 31): given.tests[TEST[0]]}
    )
    of = experiment(is_ablated=True, grid=grid, splits=splits, fit=fit)
    first = evaluated(given, of)
    whole = evaluated(given, of, Champion("county-1", first.model, TEST[0]))
    document = evaluation_json(dataclasses.replace(whole, champion_note="none"))
    assert document == json.loads(json.dumps(document, allow_nan=False))
    assert document["format"] == FORMAT
    assert {"list_changes", "churn", "ablation", "choices", "pooled"} <= set(document)
    described = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([^`]+)`", PAGE.read_text("utf-8")))))
    described |= {"value", "low", "high", "worst", "best", *dict(of.groups.areas)}
    assert keys(document) - described == set()
    assert set(document["experiment"]["fit"]) == {one.name for one in dataclasses.fields(FitSettings)}
