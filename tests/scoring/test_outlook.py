"""The outlook: horizons rise, themes add up to the score, and every way to a household gives the same bits."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scoring import Assessor, RiskModel
from scoring.bundle import MANIFEST, golden_outlook, load_bundle, save_bundle
from scoring.errors import BundleError
from scoring.horizons import Timing
from scoring.lines import FARTHEST, LOG_ODDS, Lines
from scoring.outlook import OutlookEntry
from scoring.season import Season
from scoring.statement import make_statement, put_into_words
from scoring.themes import THEMES, ThemeShares, split_exactly, theme_of_cause
from scoring.triggers import TRIGGER_FEATURES
from tests.scoring.conftest import AS_OF, NAMES, made_vectors, manifest_for
from tests.scoring.outlooks import MADE

wild = st.floats(-1e6, 1e6)
seasons = st.lists(st.floats(0.05, 20), min_size=12, max_size=12).map(lambda one: Season(by_month=tuple(one)))
probabilities = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 1e-300, 5e-324, 1 - 2**-53])


@pytest.fixture(scope="module")
def dividing(model: RiskModel) -> RiskModel:
    return replace(model, outlook=MADE)


def lines_of(weights: list[list[float]], intercepts: list[float]) -> Lines:
    return Lines(
        covariates=("a", LOG_ODDS), centres=(1.0, -2.0), scales=(2.0, 0.5), intercepts=tuple(intercepts),
        weights=tuple(map(tuple, weights)),
    )  # fmt: skip


def test_a_line_by_hand() -> None:
    lines = lines_of([[0.5, 0.0], [0.0, 2.0]], [1.0, -1.0])
    matrix = np.array([[9.0], [-9.0], [np.nan], [1e12]])
    first, second = lines.values(matrix, ["a"], np.array([-2.0, -1.0, -2.5, 40.0]))
    # z of 9 is (3 − 1) / 2, of −9 (−3 − 1) / 2; a missing value counts as the centre; far is cut.
    assert first.tolist() == [1.5, 0.0, 1.0, 1.0 + 0.5 * FARTHEST]
    assert second.tolist() == [-1.0, 3.0, -3.0, -1.0 + 2.0 * FARTHEST]


def test_hazards_by_hand() -> None:
    """One quarter in the first period and a third of the rest in the second are a half by the second."""
    timing = Timing(months=(3, 6), lines=Lines.constant([math.log(1 / 3), math.log(1 / 2)]))
    found = timing.shares(np.empty((2, 0)), [], np.zeros(2), AS_OF, 12)
    np.testing.assert_allclose(found, [[0.25, 0.5]] * 2, rtol=1e-15)


@given(
    weights=st.lists(st.lists(wild, min_size=2, max_size=2), min_size=2, max_size=2),
    intercepts=st.lists(wild, min_size=2, max_size=2),
    rows=st.lists(st.tuples(wild | st.just(math.nan), wild, probabilities), min_size=1, max_size=5),
    season=st.none() | seasons,
    as_of=st.dates(dt.date(2020, 1, 1), dt.date(2040, 12, 31)),
)
def test_horizons_rise_to_the_score_whatever_the_numbers(
    weights: list[list[float]],
    intercepts: list[float],
    rows: list[tuple[float, float, float]],
    season: Season | None,
    as_of: dt.date,
) -> None:
    timing = Timing(months=(3, 6), lines=lines_of(weights, intercepts), season=season)
    value, log_odds, score = (np.array(one) for one in zip(*rows, strict=True))
    shares = timing.shares(value[:, None], ["a"], log_odds, as_of, 12)
    made = np.column_stack([shares * score[:, None], score])
    assert ((made >= 0) & (made <= 1)).all()
    assert (np.diff(made, axis=1) >= 0).all()


@given(
    weights=st.lists(st.lists(wild, min_size=2, max_size=2), min_size=5, max_size=5),
    intercepts=st.lists(wild, min_size=5, max_size=5),
    rows=st.lists(st.tuples(wild | st.just(math.nan), wild, probabilities), min_size=1, max_size=3),
)
def test_themes_add_up_to_the_score_to_the_last_bit_in_any_order(
    weights: list[list[float]], intercepts: list[float], rows: list[tuple[float, float, float]]
) -> None:
    themes = ThemeShares(lines=lines_of(weights, intercepts))
    value, log_odds, score = (np.array(one) for one in zip(*rows, strict=True))
    shares = themes.shares(value[:, None], ["a"], log_odds)
    parts = split_exactly(score, shares)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts, shares * score[:, None], rtol=0, atol=1e-15)
    for row, whole in zip(parts.tolist(), score.tolist(), strict=True):
        assert {sum(order) for order in permutations(row)} == {whole}


def test_shares_of_themes_by_hand() -> None:
    found = ThemeShares(lines=Lines.constant([math.log(one) for one in (1, 2, 3, 4, 10)])).shares(
        np.empty((1, 0)), [], np.zeros(1)
    )
    np.testing.assert_allclose(found, [[0.05, 0.1, 0.15, 0.2, 0.5]], rtol=1e-14)


@pytest.mark.parametrize(
    ("code", "theme"),
    [
        ("06", "production"), ("07", "employment"), ("04", "employment"), ("01", "illness"), ("03", "illness"),
        ("05", "accident"), ("02", "accident"), ("0201", "accident"), ("09", "other"), ("99", "other"),
        ("17", "other"),
    ],
)  # fmt: skip
def test_causes_have_the_themes_of_the_rulebook(code: str, theme: str) -> None:
    assert theme_of_cause(code, "CN-50", dt.date(2026, 1, 1)) == theme


def test_one_household_has_the_outlook_of_the_batch_to_the_last_bit(dividing: RiskModel) -> None:
    vectors = made_vectors(300, 4)
    explained, matrix = dividing.explain(vectors), dividing.matrix(vectors)
    many = dividing.look(matrix, explained.scores, explained.log_odds, AS_OF)
    assert many is not None
    for at in range(len(vectors)):
        part = slice(at, at + 1)
        one = dividing.look(matrix[part], explained.scores[part], explained.log_odds[part], AS_OF)
        assert one is not None
        np.testing.assert_array_equal(one.horizons[0], many.horizons[at])
        np.testing.assert_array_equal(one.by_theme[0], many.by_theme[at])
    assert len(np.unique(many.horizons[:, 0] / many.horizons[:, 2])) > 100
    assert len(set(many.by_theme.argmax(axis=1))) >= 3


def assessed(model: RiskModel) -> dict[str, Any]:
    vectors = made_vectors(3, 4)
    assert set(TRIGGER_FEATURES) <= set(vectors.columns)
    made = Assessor(model, "CN-50").assess(vectors, list("abc"), AS_OF, [{}] * 3, [{}] * 3)
    return json.loads(json.dumps(make_statement(made[1], "CN-50")))  # type: ignore[no-any-return]


def test_a_statement_tells_the_outlook_in_words(dividing: RiskModel) -> None:
    said = put_into_words(assessed(dividing))
    assert [one["months"] for one in said["horizons"]] == [3, 6, 12]
    assert said["horizons"][-1]["score"] == said["score"]
    assert [one["theme"] for one in said["themes"]] == list(THEMES)
    assert [one["text"]["zh"] for one in said["themes"]] == ["产业", "就业", "重病", "意外", "其他"]
    assert sum(one["score"] for one in said["themes"]) == said["score"]


def test_a_model_without_an_outlook_says_nothing_of_it(model: RiskModel) -> None:
    plain = assessed(model)
    assert (plain["horizons"], plain["themes"]) == ([], [])
    # Statements that were stored before there was any lack the lists.
    del plain["horizons"], plain["themes"]
    said = put_into_words(plain)
    assert (said["horizons"], said["themes"]) == ([], [])


@pytest.fixture
def folder(dividing: RiskModel, tmp_path: Path) -> Path:
    manifest = manifest_for(dividing)
    golden = golden_outlook(dividing, manifest.golden.rows)
    assert golden is not None
    manifest = manifest.model_copy(update={"outlook": OutlookEntry.make(MADE, golden)})
    save_bundle(tmp_path / "bundle", dividing.booster.model_to_string(), manifest)
    return tmp_path / "bundle"


def test_a_bundle_keeps_the_outlook_bit_for_bit(dividing: RiskModel, folder: Path) -> None:
    assert load_bundle(folder).model.outlook == MADE
    assert assessed(load_bundle(folder).model) == assessed(dividing)


def test_a_manifest_of_before_is_read(folder: Path) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    del raw["outlook"]
    (folder / MANIFEST).write_text(json.dumps(raw))
    assert load_bundle(folder).model.outlook is None


def lines(raw: dict[str, Any], part: str) -> dict[str, Any]:
    return raw["outlook"]["model"][part]["lines"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda raw: lines(raw, "timing")["intercepts"].__setitem__(0, -0.9), "golden rows' outlook by horizons"),
        (lambda raw: lines(raw, "themes")["weights"][2].__setitem__(0, 0.8), "golden rows' outlook by themes"),
        (lambda raw: lines(raw, "themes")["covariates"].__setitem__(0, "shoe_size"), "reads what the model"),
        (lambda raw: lines(raw, "themes")["scales"].__setitem__(0, 0.0), "known form at: outlook"),
        (lambda raw: lines(raw, "themes")["weights"].pop(), "known form at: outlook"),
        (lambda raw: raw["outlook"]["model"]["timing"].__setitem__("months", [6, 3]), "known form at: outlook"),
        (lambda raw: raw["outlook"]["model"]["timing"].__setitem__("months", [3, 12]), "before the model's own"),
        (lambda raw: raw["outlook"]["golden_themes"].pop(), "not one golden outlook by themes"),
        (lambda raw: raw["outlook"].__setitem__("surprise", 1), "known form at: outlook"),
    ],
)  # fmt: skip
def test_altered_outlooks_are_refused(folder: Path, harm: Any, said: str) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    harm(raw)
    (folder / MANIFEST).write_text(json.dumps(raw))
    with pytest.raises(BundleError, match=said):
        load_bundle(folder)


def test_themes_keep_their_order() -> None:
    with pytest.raises(ValidationError, match="in this order"):
        ThemeShares(themes=THEMES[::-1], lines=Lines.constant([0.0] * 5))


def test_lines_refuse_what_the_vectors_lack() -> None:
    with pytest.raises(BundleError, match="read what the model does not: a"):
        lines_of([[1.0, 1.0]], [0.0]).values(np.zeros((1, len(NAMES))), NAMES, np.zeros(1))
