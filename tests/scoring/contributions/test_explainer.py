"""Blocks, threads, memory and fallback change the time contributions take, not the contributions."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import lightgbm as lgb
import numba
import numpy as np
import pytest

from scoring.contributions import Explainer, ExplainerSettings, compiling
from scoring.contributions.trees import UnsupportedTreesError
from scoring.errors import VectorError
from tests.scoring.contributions.boosters import Floats, Recipe, edge_rows
from tests.scoring.contributions.test_agreement import check_agreement

BLOCK = 128


@pytest.fixture(scope="module")
def made() -> tuple[lgb.Booster, Floats]:
    """A booster with one- and two-sided groups, categories and missing values."""
    return Recipe(trees=30, leaves=60, columns=25, rows=3_000, digits=3, gaps=0.1, categories=True).make()


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 63, 64, 65, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1])
def test_a_row_is_the_same_to_the_last_bit_in_any_block(made: tuple[lgb.Booster, Floats], rows: int) -> None:
    booster, matrix = made
    whole = Explainer(booster, ExplainerSettings(threads=1)).explain(matrix[:1_000])
    blocks = Explainer(booster, ExplainerSettings(threads=1, block_rows=BLOCK))
    for ours, theirs in zip(blocks.explain(matrix[:rows]), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs[:rows])
    np.testing.assert_array_equal(blocks.margins(matrix[:rows]), whole[0][:rows])
    assert blocks.strongest(matrix[:rows], 5)[1].shape == (rows, 5)


WIDE = Recipe(trees=120, leaves=15, columns=4, rows=3_000, digits=6, bins=1_000, gaps=0.1)
ODD = Recipe(trees=20, leaves=24, gaps=0.2, zeros=0.3, zero_as_missing=True, categories=True)


@pytest.mark.parametrize("recipe", [None, WIDE, ODD])
def test_single_rows_are_the_same_to_the_last_bit(
    made: tuple[lgb.Booster, Floats], recipe: Recipe | None
) -> None:
    booster, matrix = made if recipe is None else recipe.make()
    explainer = Explainer(booster, ExplainerSettings(threads=1))
    rows = edge_rows(booster, matrix, np.random.default_rng(6), 200)
    margins, values, _ = explainer.explain(rows)
    for at in range(200):
        one = explainer.explain(rows[at : at + 1])
        np.testing.assert_array_equal(one[0], margins[at : at + 1])
        np.testing.assert_array_equal(one[1], values[at : at + 1])
    assert explainer._model is not None
    assert explainer._pieces is not None
    assert explainer._model.bins.wide == (recipe is WIDE)
    if recipe is None:
        tables = explainer._pieces.tables
        assert len(tables.order) > tables.singles > 0
        assert len(tables.lookup_slot) > 0


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(made: tuple[lgb.Booster, Floats], threads: int) -> None:
    booster, matrix = made
    one = Explainer(booster, ExplainerSettings(threads=1))
    many = Explainer(booster, ExplainerSettings(threads=threads, block_rows=BLOCK))
    for ours, theirs in zip(many.explain(matrix), one.explain(matrix), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for few, fewer in zip(many.strongest(matrix, 5), one.strongest(matrix, 5), strict=True):
        np.testing.assert_array_equal(few, fewer)
    np.testing.assert_array_equal(many.margins(matrix), one.margins(matrix))


def test_one_explainer_answers_many_threads_at_once(made: tuple[lgb.Booster, Floats]) -> None:
    booster, matrix = made
    explainer = Explainer(booster, ExplainerSettings(threads=1))
    expected = Explainer(booster, ExplainerSettings(threads=1)).explain(matrix[:64])[1]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda at: explainer.explain(matrix[at : at + 1])[1], range(64)))
    np.testing.assert_array_equal(np.vstack(answers), expected)


@pytest.mark.parametrize("megabytes", [512, 5, 1, 0])
def test_tables_keep_to_the_memory_given(made: tuple[lgb.Booster, Floats], megabytes: int) -> None:
    booster, matrix = made
    explainer = check_agreement(booster, matrix[:200], ExplainerSettings(megabytes, threads=1))
    assert explainer.table_bytes <= megabytes * 1_000_000
    assert (explainer.table_bytes > 0) == (megabytes > 0)


def test_the_order_of_a_matrix_in_memory_changes_nothing(made: tuple[lgb.Booster, Floats]) -> None:
    booster, matrix = made
    explainer = Explainer(booster)
    rows = matrix[:70]
    expected = explainer.explain(rows)
    by_columns: Floats = np.array(rows, order="F")
    others = [by_columns, np.repeat(rows, 2, axis=0)[::2]]
    for other in others:
        for ours, theirs in zip(explainer.explain(other), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_rows_of_another_width_are_refused(made: tuple[lgb.Booster, Floats]) -> None:
    booster, matrix = made
    with pytest.raises(VectorError, match="25 columns"):
        Explainer(booster).explain(matrix[:3, :-1])


def made_with(**parameters: object) -> tuple[lgb.Booster, Floats]:
    """A booster of the kind that `parameters` ask for."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 4))
    labels = np.digitize(matrix[:, 0] * 2 + matrix[:, 1], [-1, 1])
    data = lgb.Dataset(matrix, labels, params={"verbosity": -1})
    return lgb.train({**parameters, "verbosity": -1, "num_threads": 1}, data, 4), matrix


def test_what_tables_cannot_hold_is_left_to_lightgbm_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    booster, matrix = made_with(objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
    explainer = Explainer(booster)
    with caplog.at_level(logging.WARNING):
        margins, values, base = explainer.explain(matrix)
        explainer.prepare()
    assert explainer.fallback == "the model averages its trees (random forest)"
    assert explainer.table_bytes == 0
    said = [record.getMessage() for record in caplog.records if "LightGBM itself" in record.getMessage()]
    assert said == [f"contributions come from LightGBM itself: {explainer.fallback}"]
    np.testing.assert_array_equal(margins, booster.predict(matrix, raw_score=True))
    np.testing.assert_array_equal(np.column_stack([values, base]), booster.predict(matrix, pred_contrib=True))
    sizes = np.abs(explainer.strongest(matrix, 2)[2])
    np.testing.assert_array_equal(sizes, -np.sort(-np.abs(values), axis=1)[:, :2])


def test_linear_leaves_have_margins_and_no_contributions() -> None:
    booster, matrix = made_with(objective="regression", linear_tree=True)
    explainer = Explainer(booster)
    assert explainer.fallback == "the model has linear leaves"
    np.testing.assert_array_equal(explainer.margins(matrix), booster.predict(matrix, raw_score=True))
    with pytest.raises(UnsupportedTreesError, match="linear trees"):
        explainer.explain(matrix)


def test_several_classes_are_refused_by_the_tables() -> None:
    booster, _ = made_with(objective="multiclass", num_class=3)
    assert Explainer(booster).fallback == "the model has several classes"


@pytest.mark.parametrize(
    "values", [{"block_rows": 100}, {"block_rows": 0}, {"threads": 0}, {"table_megabytes": -1}]
)
def test_settings_that_cannot_be_kept_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"block_rows|megabytes"):
        ExplainerSettings(**values)


def test_a_model_without_trees_is_left_to_lightgbm() -> None:
    booster, matrix = made_with(objective="regression")
    text = booster.model_to_string(num_iteration=1)
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("tree_sizes=")]
    whole = "".join(lines)
    bare = lgb.Booster(model_str=whole[: whole.index("Tree=0")] + whole[whole.index("end of trees") :])
    explainer = Explainer(bare)
    assert explainer.fallback == "the model has no trees"
    np.testing.assert_array_equal(explainer.explain(matrix)[1], np.zeros(matrix.shape))


def test_without_a_folder_for_machine_code_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(compiling, "numba", SimpleNamespace(njit=refuse))

    def double(value: int) -> int:
        return 2 * value

    assert compiling.compiled(double)(21) == 42
