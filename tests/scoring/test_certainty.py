"""Certainty: the interval holds the score, the word follows the rules, and nothing is said without steps."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from features import FEATURES
from scoring.assessment import Assessor
from scoring.block import BlockAssessor
from scoring.bundle import load_bundle, save_bundle
from scoring.certainty import LEVELS, Steps, VennAbers
from scoring.errors import BundleError
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from scoring.parts import CERTAINTY, LINE, certainty_text, line_text, read_certainty
from scoring.statement import make_statement, put_into_words
from scoring.texts import LANGUAGES, catalogue
from scoring.triggers import TRIGGER_FEATURES
from tests.scoring.conftest import AS_OF, NAMES, made_vectors, manifest_for

BORDERS = GradeBorders(high=0.4, medium=0.1)


def steps(low: float, high: float, usual: int = 20, unusual: int = 5) -> VennAbers:
    """The same interval everywhere, for rows of `usual` features that are mostly known and others."""
    return VennAbers(Steps((), (low,)), Steps((), (high,)), (True,) * usual + (False,) * unusual)


@pytest.mark.parametrize(
    ("low", "score", "high", "missing", "watched", "level"),
    [
        (0.01, 0.02, 0.03, 0, False, "high"),  # low throughout
        (0.45, 0.50, 0.70, 0, False, "high"),  # high throughout
        (0.40, 0.40, 0.40, 0, False, "high"),  # at the border
        (0.39, 0.45, 0.70, 0, False, "medium"),  # medium or high
        (0.05, 0.08, 0.10, 0, False, "medium"),  # low or medium
        (0.05, 0.20, 0.40, 0, False, "insufficient"),  # low to high
        (0.01, 0.02, 0.03, 0, True, "medium"),  # a feed is silent
        (0.01, 0.02, 0.03, 1, False, "medium"),  # 5 % of 20 values are missing
        (0.01, 0.02, 0.03, 4, False, "medium"),
        (0.01, 0.02, 0.03, 5, False, "insufficient"),  # 25 % are
        (0.45, 0.50, 0.70, 5, True, "insufficient"),
        (0.01, 0.12, 0.03, 0, False, "medium"),  # the line and the steps disagree: the interval is widened
    ],
)
def test_the_word_follows_the_rules(
    low: float, score: float, high: float, missing: int, watched: bool, level: str
) -> None:
    matrix = np.ones((1, 25))
    matrix[0, :missing] = np.nan
    # What a household usually has no value of says nothing.
    matrix[0, 20:] = np.nan
    one = np.array([score])
    told = steps(low, high).assess(one, np.log(one / (1 - one)), matrix, np.array([watched]), BORDERS)[0]
    assert told.level == level
    assert told.low == min(low, score)
    assert told.high == max(high, score)
    assert told.missing_share == missing / 20


def test_an_interval_holds_its_score_and_rises_with_it(blended: RiskModel) -> None:
    vectors = made_vectors(300, 51)
    explained = blended.explain(vectors)
    found = blended.certainties(explained, blended.matrix(vectors), np.zeros(300, dtype=np.bool_))
    assert found is not None
    order = np.argsort(explained.scores)
    assert (found.low <= explained.scores).all()
    assert (explained.scores <= found.high).all()
    assert (np.diff(found.low[order]) >= 0).all()
    assert (np.diff(found.high[order]) >= 0).all()


def test_single_and_block_say_the_same(blended: RiskModel) -> None:
    vectors = made_vectors(80, 52)
    vectors.iloc[40:] = vectors.iloc[40:].fillna(1.0)
    vectors.iloc[:20, :60] = np.nan
    silent = [{"income": "missing"} if at % 3 == 0 else {"income": "fresh"} for at in range(80)]
    made = Assessor(blended, "CN-50").assess(
        vectors, [f"H{at}" for at in range(80)], AS_OF, silent, [{}] * 80  # type: ignore[arg-type]
    )  # fmt: skip
    block = BlockAssessor(blended, "CN-50", AS_OF).assess(
        blended.matrix(vectors),
        {name: vectors[name].to_numpy() for name in TRIGGER_FEATURES},
        np.array([at % 3 == 0 for at in range(80)]),
    )
    assert block.certainties is not None
    assert [block.certainties[at] for at in range(80)] == [one.certainty for one in made]
    assert {one.certainty.level for one in made if one.certainty} == set(LEVELS)


def test_every_word_is_said_in_every_language(blended: RiskModel) -> None:
    for language in LANGUAGES:
        words = catalogue(language)["certainty"]
        assert set(words["words"]) == set(words["meanings"]) == set(LEVELS)
    vectors = made_vectors(1, 53)
    (one,) = Assessor(blended, "CN-50").assess(vectors, ["H1"], AS_OF, [{}], [{}])
    plain = make_statement(one, "CN-50")
    worded = put_into_words(plain)["certainty_text"]
    assert worded["zh"].startswith(catalogue("zh")["certainty"]["words"][plain["certainty"]["level"]])
    assert "%" in worded["en"]


def test_a_model_without_steps_says_nothing(model: RiskModel) -> None:
    (one,) = Assessor(model, "CN-50").assess(made_vectors(1, 54), ["H1"], AS_OF, [{}], [{}])
    assert one.certainty is None
    plain = make_statement(one, "CN-50")
    assert plain["certainty"] is None
    assert put_into_words(plain)["certainty_text"] is None
    # As stored by an earlier release.
    del plain["certainty"]
    assert put_into_words(plain)["certainty_text"] is None
    block = BlockAssessor(model, "CN-50", dt.date(2026, 10, 31)).assess(
        made_vectors(2, 54).to_numpy(),
        {name: np.zeros(2) for name in TRIGGER_FEATURES},
        np.zeros(2, dtype=np.bool_),
    )
    assert block.certainties is None


def test_parts_travel_hashed_in_the_bundle(blended: RiskModel, tmp_path: Path) -> None:
    assert blended.blend is not None
    assert blended.venn_abers is not None
    parts = {LINE: line_text(blended.blend), CERTAINTY: certainty_text(blended.venn_abers, NAMES)}
    text = blended.booster.model_to_string()
    folder = tmp_path / "bundle"
    stored = save_bundle(folder, text, manifest_for(blended), parts=parts)
    assert stored.model.venn_abers == blended.venn_abers
    for name in (LINE, CERTAINTY):
        whole = (folder / name).read_bytes()
        for harmed in (whole[:-20], whole.replace(b"0", b"1", 1), b""):
            (folder / name).write_bytes(harmed)
            with pytest.raises(BundleError, match="sha256"):
                load_bundle(folder)
        (folder / name).unlink()
        with pytest.raises(BundleError, match="nothing less"):
            load_bundle(folder)
        (folder / name).write_bytes(whole)
    load_bundle(folder)


@pytest.mark.parametrize(
    ("starts", "values"),
    [
        ((0.0,), (0.1,)),
        ((0.0, 0.0), (0.1, 0.2, 0.3)),
        ((0.0, 1.0), (0.1, 0.3, 0.2)),
        ((float("nan"),), (0.1, 0.2)),
        ((0.0,), (float("nan"), 0.2)),
        ((0.0,), (-0.1, 0.2)),
        ((0.0,), (0.1, 1.2)),
        ((), ()),
    ],
)
def test_what_are_no_steps_is_refused(starts: tuple[float, ...], values: tuple[float, ...]) -> None:
    with pytest.raises(BundleError, match="steps"):
        Steps(starts, values)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"format": 1', '"format": 3', "known form at: format"),
        ('"lower"', '"lowest"', "known form"),
        (f'"{NAMES[1]}"', f'"{NAMES[0]}"', "twice"),
        (f'"{NAMES[1]}"', '"../etc"', "others than the manifest"),
        ("0.41", "0.001", "rise"),
    ],
)
def test_poisoned_steps_are_refused(blended: RiskModel, old: str, new: str, match: str) -> None:
    assert blended.venn_abers is not None
    text = certainty_text(blended.venn_abers, NAMES)
    assert old in text
    assert len(NAMES) == len(FEATURES)
    with pytest.raises(BundleError, match=match):
        read_certainty(text.replace(old, new, 1).encode(), NAMES)
