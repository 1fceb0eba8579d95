"""A whole model is explained in one call as its parts explain it one after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring.absence import Absence
from scoring.calibration import Calibration
from scoring.contributions import Explainer, ExplainerSettings
from scoring.errors import VectorError
from scoring.explaining import Explaining
from scoring.model import RiskModel
from tests.scoring.conftest import made_vectors

ROWS = 700
"""Several strips, and more than one block where blocks are small."""


def rows_of(model: RiskModel, count: int) -> np.ndarray:
    made = model.matrix(made_vectors(count, 11)).copy()
    made[np.random.default_rng(3).random(made.shape) < 0.2] = np.nan
    return made


def explaining(model: RiskModel, *, line: bool, absence: bool, threads: int | None) -> Explaining:
    features = len(model.feature_names)
    weights = tuple(np.random.default_rng(5).normal(0, 0.2, features).tolist())
    return Explaining(
        features,
        Explainer(model.booster, ExplainerSettings(block_rows=64, threads=threads)),
        model.blend if line else None,
        Absence(weights) if absence else None,
        Calibration(0.7, -0.3),
    )


@pytest.mark.parametrize("line", [False, True])
@pytest.mark.parametrize("absence", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_one_call_has_the_bits_of_the_parts(
    blended: RiskModel, line: bool, absence: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = rows_of(blended, ROWS)
    at_once = explaining(blended, line=line, absence=absence, threads=threads)
    found = at_once.explain(matrix)
    # One household, nobody, and columns that do not lie side by side.
    alone = [at_once.explain(one[None, :]) for one in matrix[:40]]
    none = at_once.explain(matrix[:0])
    turned = at_once.explain(np.asfortranarray(matrix))
    monkeypatch.setattr(Explainer, "held", None)
    expected = explaining(blended, line=line, absence=absence, threads=threads).explain(matrix)
    for place, one in enumerate(expected):
        np.testing.assert_array_equal(found[place], one)
        np.testing.assert_array_equal(turned[place], one)
        np.testing.assert_array_equal(np.concatenate([each[place] for each in alone]), one[:40])
        assert none[place].shape == (0, *one.shape[1:])
    log_odds, values, base = found
    np.testing.assert_allclose(base + values.sum(axis=1), log_odds, rtol=0, atol=1e-9)


def test_the_parts_move_what_they_should(blended: RiskModel) -> None:
    """Each part is there: without it, something else comes out."""
    matrix = rows_of(blended, 5)
    seen = {
        explaining(blended, line=line, absence=absence, threads=1).explain(matrix)[0].tobytes()
        for line in (False, True)
        for absence in (False, True)
    }
    assert len(seen) == 4


@pytest.mark.parametrize("shape", [(3, 2), (0,), (2, 3, 4)])
@pytest.mark.parametrize("has_tables", [True, False])
def test_other_columns_are_refused(
    blended: RiskModel, shape: tuple[int, ...], has_tables: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_tables:
        monkeypatch.setattr(Explainer, "held", None)
    with pytest.raises(VectorError, match="columns"):
        replace(blended).explain_matrix(np.zeros(shape))
