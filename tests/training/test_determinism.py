"""The same data, seed and versions make the same model, byte for byte."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from scoring.line import Blend
from scoring.parts import certainty_text, line_text
from training.fit import FitSettings, fit

NAMES = tuple(f"f{at}" for at in range(8))


def fingerprint(threads: int) -> str:
    """One hash over everything of a fit that a bundle holds.

    LightGBM writes the number of threads into its text; nothing else of it depends on it.
    """
    rng = np.random.default_rng(3)
    rows = 3_000
    vectors = pd.DataFrame(rng.normal(size=(rows, len(NAMES))), columns=list(NAMES))
    drive = vectors["f0"] + 0.7 * vectors["f1"]
    labels = (rng.random(rows) < 1 / (1 + np.exp(2.5 - drive))).to_numpy().astype(np.int64)
    vectors = vectors.mask(rng.random(vectors.shape) < 0.1)
    settings = FitSettings(max_trees=40, threads=threads, min_rows_in_leaf=30, siblings=1)
    feeds = {"illness": ["f0", "f3"], "loan": ["f1"]}
    found = fit(vectors, labels, np.arange(rows) // 2, dict.fromkeys(NAMES, 0), settings, feeds=feeds)
    assert isinstance(found.blend, Blend)
    assert found.venn_abers is not None
    texts = [one.model_to_string() for one in (found.booster, *found.siblings)]
    texts += [line_text(found.blend), certainty_text(found.venn_abers, NAMES), repr(found.calibration)]
    whole = re.sub(r"\[num_threads: \d+\]\n", "", "".join(texts))
    return hashlib.sha256(whole.encode()).hexdigest()


@pytest.fixture(scope="module")
def here() -> str:
    return fingerprint(1)


def test_twice_in_one_process(here: str) -> None:
    assert fingerprint(1) == here


def test_on_two_threads(here: str) -> None:
    assert fingerprint(2) == here


def test_in_another_process(here: str) -> None:
    code = "from tests.training.test_determinism import fingerprint; print(fingerprint(1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here
