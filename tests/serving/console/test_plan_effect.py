"""What a plan would change, from stored signals: the answer of the API in words, or nothing and a page that says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import cast

import pytest

from features.policy.measures import get_measure
from scoring import load_bundle
from scoring.texts import LANGUAGES, percent
from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.plan import PlannedHelp
from serving.cases.state import CaseState
from serving.champion import Champion
from serving.console.plan_effect import PlanEffects, effect_view
from serving.errors import Problem
from serving.scorer import Scorer
from serving.signals_folder import SignalsFolder
from serving.storage import VillageStore, open_database
from serving.storage.plans import CasePlan
from tests.serving.casework.test_corrections import KEYS, SCORED_ON, county_signals

VILLAGE = "500999100201"
HERE = Caller("p" * 12, Role.VILLAGE_OFFICIAL, Scope(VILLAGE))
THERE = Caller("p" * 12, Role.VILLAGE_OFFICIAL, Scope("510199100201"))
NOW = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)


class Always:
    """In place of the champion: a model, or the problem of there being none."""

    def __init__(self, scorer: Scorer | None) -> None:
        self.made = scorer

    def scorer(self) -> Scorer:
        if self.made is None:
            raise Problem("model_loading")
        return self.made


def plan_of(*codes: str) -> CasePlan:
    case = Case(
        "c" * 32, KEYS[0], VILLAGE, CaseState.HELPING, 1, "default@2020-01-01", SCORED_ON, SCORED_ON, 1,
        "illness", False, None, ("01",), "village_official", NOW,
    )  # fmt: skip
    start = SCORED_ON + dt.timedelta(days=1)
    measures = tuple(
        PlannedHelp(
            str(at), case.id, code, "01", "civil_affairs",
            None if get_measure(code).paid == "in_kind" else 300_000, 1, start,
            start + dt.timedelta(days=300), "p" * 12, NOW,
        )
        for at, code in enumerate(codes)
    )  # fmt: skip
    return CasePlan(case, measures)


@pytest.fixture(scope="module")
def effects(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> PlanEffects:
    folder = tmp_path_factory.mktemp("effects")
    county_signals().save(folder / "signals")
    villages = VillageStore(open_database(f"sqlite:///{folder}/s.db"))
    scorer = Scorer(load_bundle(bundle_dir))
    return PlanEffects(cast(Champion, Always(scorer)), SignalsFolder(folder / "signals"), villages)


def test_the_answer_is_told_in_both_languages(effects: PlanEffects) -> None:
    answer = effects.find(HERE, plan_of("temporary_relief"), SCORED_ON)
    assert answer is not None
    income = answer["reference_income"]
    # 3,000 yuan once, whoever lives there.
    assert income["change_yuan"] == 3_000
    for language in LANGUAGES:
        view = effect_view(answer, language)
        assert "3,000" in " ".join(one for said in view["measures"] for one in said)
        assert view["nature"] == answer["model"]["nature_text"][language]
        # What the caution is about: both scores, and before it.
        for moment in ("before", "after"):
            assert percent(answer["model"][moment]["score"]) in view["model"][0]
        assert all(isinstance(one, str) and one for one in (*view["income"], *view["model"], view["period"]))


def test_nothing_is_worked_out_where_it_cannot_be(effects: PlanEffects) -> None:
    plan = plan_of("temporary_relief")
    assert effects.find(THERE, plan, SCORED_ON) is None
    assert effects.find(HERE, plan_of(), SCORED_ON) is None
    for champion, signals in (
        (Always(None), effects.signals),
        (effects.champion, SignalsFolder(None)),
    ):
        other = PlanEffects(cast(Champion, champion), signals, effects.villages)
        assert other.find(HERE, plan, SCORED_ON) is None
