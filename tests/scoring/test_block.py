"""A block of households is assessed as each of them is, to the last bit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from scoring import Assessor, RiskModel
from scoring.block import ACTIONS, ROWS_AT_ONCE, BlockAssessor
from scoring.families import NONE, Families, Ranked
from scoring.grades import GRADES
from scoring.reasons import KEPT_FACTS, Family
from scoring.triggers import TRIGGER_FEATURES, TRIGGERS
from tests.scoring.conftest import AS_OF, NAMES, made_vectors
from tests.scoring.outlooks import MADE
from tests.scoring.plain_reasons import find_reasons, rank_reasons, sum_families

Floats = npt.NDArray[np.float64]
Plain = list[tuple[str, float, list[tuple[str, float]]]]


def told(families: Families, ranked: Ranked, row: int) -> Plain:
    """One household's reasons as `find_reasons` has them."""
    return [
        (
            families.names[family],
            ranked.totals[row, at],
            [
                (families.feature_names[feature], ranked.contributions[row, at, place])
                for place, feature in enumerate(ranked.features[row, at])
                if feature != NONE
            ],
        )
        for at, family in enumerate(ranked.families[row])
        if family != NONE
    ]


def expected(values: Floats, contributions: Floats) -> tuple[Plain, Plain]:
    """What `find_reasons` says of one household."""
    found = find_reasons(
        dict(zip(NAMES, values.tolist(), strict=True)),
        dict(zip(NAMES, contributions.tolist(), strict=True)),
    )
    risk, protective = (
        [(one.family, one.contribution, [(f.feature, f.contribution) for f in one.facts]) for one in some]
        for some in found
    )
    return risk, protective


def drawn(kind: str, rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Values and contributions; `few sizes` makes ties in features and families, `few` leaves most at zero."""
    values = rng.normal(0, 1, (rows, len(NAMES)))
    values[rng.random(values.shape) < rng.choice([0.1, 0.5, 0.95], (rows, 1))] = np.nan
    contributions = rng.normal(0, 0.2, values.shape)
    if kind == "few sizes":
        contributions = np.round(contributions * 8) / 8
    if kind == "few":
        contributions[rng.random(values.shape) < 0.97] = 0.0
    if kind == "at the border":
        contributions = np.where(rng.random(values.shape) < 0.03, rng.choice([0.05, -0.05], values.shape), 0)
    return values, contributions


@pytest.mark.parametrize("kind", ["any", "few sizes", "few", "at the border"])
def test_families_are_those_of_find_reasons(kind: str) -> None:
    values, contributions = drawn(kind, 600, np.random.default_rng(len(kind)))
    families = Families(NAMES)
    risk, protective = families.rank(values, contributions)
    counts = set()
    for row in range(len(values)):
        wanted = expected(values[row], contributions[row])
        assert (told(families, risk, row), told(families, protective, row)) == wanted
        counts.add((len(wanted[0]), len(wanted[1])))
    assert len(counts) > 2


@pytest.mark.parametrize("kind", ["any", "few sizes", "few", "at the border"])
def test_reasons_and_sums_of_one_household_are_those_of_the_rules(kind: str) -> None:
    values, contributions = drawn(kind, 200, np.random.default_rng(len(kind)))
    families = Families(NAMES)
    ranked = families.rank(values, contributions)
    totals, strongest = families.sums(contributions)
    for row, (known, parts) in enumerate(zip(values.tolist(), contributions.tolist(), strict=True)):
        by_name = dict(zip(NAMES, known, strict=True))
        sums = sum_families(dict(zip(NAMES, parts, strict=True)))
        made = tuple(families.reasons(one, row, known) for one in ranked)
        assert made == rank_reasons(sums, by_name)
        assert families.told(totals[row].tolist(), strongest[row].tolist(), known, parts) == tuple(
            Family(one.name, one.contribution, one.strongest(by_name, KEPT_FACTS)) for one in sums
        )


def test_a_family_without_a_told_value_speaks_only_of_risk() -> None:
    families = Families(NAMES)
    values = np.full((2, len(NAMES)), np.nan)
    contributions = np.zeros(values.shape)
    contributions[:, NAMES.index("illness_self_paid_yuan_12m")] = [0.8, -0.8]
    risk, protective = families.rank(values, contributions)
    assert told(families, risk, 0) == [("01", 0.8, [("illness_self_paid_yuan_12m", 0.8)])]
    assert [told(families, one, 1) for one in (risk, protective)] == [[], []]


def test_no_households_are_no_trouble(model: RiskModel) -> None:
    block = BlockAssessor(model, "CN-50", AS_OF).assess(
        np.zeros((0, len(NAMES))), {name: np.zeros(0) for name in TRIGGER_FEATURES}, np.zeros(0, dtype=bool)
    )
    assert len(block.scores) == len(block.risk.families) == len(block.hits.fired) == 0


@pytest.mark.parametrize("as_of", [AS_OF, dt.date(2024, 3, 31)])
def test_a_block_is_what_the_assessor_says_of_each(
    model: RiskModel, as_of: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(model, outlook=MADE)
    vectors = made_vectors(300, 4)
    # Events are rare; here some households have none, so that every action occurs.
    events = [one.feature for one in TRIGGERS if one.parameters == ("event_trigger_count",)]
    vectors.loc[::2, events] = 0.0
    calm = vectors.index % 4 == 0
    vectors.loc[calm, [one.feature for one in TRIGGERS if one.feature not in events]] = 1.0
    rng = np.random.default_rng(8)
    is_watched = rng.random(len(vectors)) < 0.3
    monkeypatch.setattr("scoring.block.ROWS_AT_ONCE", 37)
    columns = {name: vectors[name].to_numpy() for name in TRIGGER_FEATURES}
    assessor = BlockAssessor(model, "CN-50", as_of)
    block = assessor.assess(model.matrix(vectors), columns, is_watched)
    feeds = [{"illness": "stale" if one else "fresh"} for one in is_watched]
    ids = [f"H{n}" for n in range(len(vectors))]
    made = Assessor(model, "CN-50").assess(vectors, ids, as_of, feeds, [{}] * len(ids))  # type: ignore[arg-type]
    for row, one in enumerate(made):
        assert one.score == block.scores[row]
        assert block.outlook is not None
        assert one.horizons == block.outlook.horizon_scores(row)
        assert one.themes == block.outlook.theme_scores(row)
        assert one.grade == GRADES[block.grades[row]]
        assert one.suggested_action == ACTIONS[block.actions[row]]
        hits = [
            (
                trigger.code,
                block.hits.values[row, at],
                block.hits.levels[row, at],
                block.hits.is_assumption[at],
            )
            for at, trigger in enumerate(TRIGGERS)
            if block.hits.fired[row, at]
        ]
        assert hits == [(hit.code, hit.value, hit.level, hit.is_assumption) for hit in one.rule_hits]
        assert [family for family, *_ in told(assessor.model.families, block.risk, row)] == [
            reason.family for reason in one.risk_reasons
        ]
    assert {one.suggested_action for one in made} == set(ACTIONS)
    assert {one.grade for one in made} == set(GRADES)
    assert ROWS_AT_ONCE > 37
