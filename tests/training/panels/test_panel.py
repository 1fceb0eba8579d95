"""Whole comparisons on panels with a known truth."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from tests.training.panels.made_up import make_panel
from training.errors import DataError
from training.panels import Comparison, compare_panel, print_comparison, save_report
from training.panels.panel import parse_drop, parse_naive, prepare_panel
from training.panels.verdict import Difference


def compared(panel: pd.DataFrame, **changes: object) -> Comparison:
    asked = {"household": "hh", "time": "year", "label": "poor", "naive": "income", **changes}
    return compare_panel(panel, **asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def useless_rule() -> Comparison:
    return compared(make_panel(depends_on="others", seed=1))


def test_the_object_is_that_of_the_surveys_with_a_verdict(useless_rule: Comparison) -> None:
    found = json.loads(json.dumps(useless_rule.as_json(), allow_nan=False))
    assert found["n"] == 250
    assert found["base_rate"] == pytest.approx(found["positives"] / 250)
    assert set(found["models"]) == {"naive", "logistic", "default", "regularised", "rank_average", "ours"}
    for one in found["models"].values():
        assert set(one) == {"roc_auc", "pr_auc", "precision_at_10", "recall_at_10", "brier"}
        assert all(0 <= value <= 1 for value in one.values())
    assert found["verdict"] in {"better", "not better", "worse"}
    assert found["against"] in {"naive", "logistic", "default"}


def test_where_the_rule_is_useless_ours_finds_the_truth(useless_rule: Comparison) -> None:
    models = useless_rule.models
    assert models["naive"].roc_auc < 0.62
    assert models["ours"].roc_auc > 0.78
    assert useless_rule.judged.differences["naive"].verdict == "better"
    assert not useless_rule.naive_wins


def test_the_sentences_follow_the_word(useless_rule: Comparison) -> None:
    within = "within what the draw"

    def said(word: str, interval: tuple[float, float]) -> str:
        against = useless_rule.judged.against
        gap = Difference(sum(interval) / 2, interval)
        assert gap.verdict == word
        judged = dataclasses.replace(
            useless_rule.judged,
            word=gap.verdict,
            differences={**useless_rule.judged.differences, against: gap},
        )
        return " ".join(dataclasses.replace(useless_rule, judged=judged).sentences())

    assert within in said("not better", (-0.01, 0.02))
    # A loss beyond chance must not be called chance.
    assert within not in said("worse", (-0.03, -0.01))
    assert within not in said("better", (0.01, 0.03))


def test_the_sentence_names_what_was_drawn(useless_rule: Comparison) -> None:
    assert useless_rule.judged.units == useless_rule.n
    assert "paired by household" in useless_rule.sentences()[0]
    panel = make_panel(households=120, waves=2, seed=4)
    found = compared(panel, group="village")
    villages = panel["village"].nunique()
    assert found.judged.units == villages < found.n
    assert f"drawn in {villages} whole groups" in " ".join(found.sentences())


def test_where_the_rule_is_all_there_is_ours_stays_beside_it_and_says_so() -> None:
    gaps = []
    for seed in (2, 3):
        found = compared(make_panel(depends_on="income", seed=seed, households=150))
        assert found.judged.word != "better"
        assert "NOT BETTER" in " ".join(found.sentences()) or "WORSE" in " ".join(found.sentences())
        assert found.sentences()[0].startswith("The naive rule wins") == found.naive_wins
        gaps.append(found.models["ours"].roc_auc - found.models["naive"].roc_auc)
    assert np.mean(gaps) > -0.015


def test_the_same_table_gives_the_same_numbers(useless_rule: Comparison) -> None:
    panel = make_panel(depends_on="others", seed=1)
    assert compared(panel).as_json() == useless_rule.as_json()
    pd.testing.assert_frame_equal(panel, make_panel(depends_on="others", seed=1))


def test_a_later_wave_changes_nothing() -> None:
    panel = make_panel(households=80, waves=4, seed=5)
    wild = panel.copy()
    later = wild["year"] == 2016
    wild.loc[later, ["income", "size"]] = 1e6
    wild.loc[later, "poor"] = 1 - wild.loc[later, "poor"]
    first, second = (compared(one, test_time="2014") for one in (panel, wild))
    assert first.as_json()["models"] == second.as_json()["models"]
    assert "2014" in first.title


def test_labels_of_the_test_wave_change_no_probability() -> None:
    panel = make_panel(households=80, seed=6)
    turned = panel.copy()
    last = turned["year"] == 2014
    turned.loc[last, "poor"] = turned.loc[last, "poor"].to_numpy()[::-1]
    first, second = (compared(one, group="village").curves["ours"][1] for one in (panel, turned))
    np.testing.assert_array_equal(first, second)


def test_what_is_known_a_wave_later_is_learned_from_and_never_beyond_the_test_wave() -> None:
    panel = make_panel(households=80, waves=4, seed=5)
    wild = panel.assign(income=panel["income"].where(panel["year"] < 2016, 1e6))
    asked = {"household": "hh", "time": "year", "label": "poor", "naive": "income", "test_time": "2014"}
    first, second = (prepare_panel(one, **asked).train for one in (panel, wild))  # type: ignore[arg-type]
    assert first.later is not None
    np.testing.assert_array_equal(first.later, second.later)
    # Two waves to learn from, each with the income of the next one, the poorest highest.
    by_year = panel.set_index(["year", "hh"])["income"]
    assert sorted(first.later) == sorted(-by_year.loc[[2012, 2014]])
    assert not {"later"} & set(first.vectors.columns)
    test = prepare_panel(panel, **asked).test  # type: ignore[arg-type]
    assert test is not None
    assert test.later is None or np.isnan(test.later).all()


def test_what_is_left_out_is_named_with_its_reason() -> None:
    panel = make_panel(households=100, seed=7)
    rng = np.random.default_rng(0)
    panel["nothing"], panel["always"] = np.nan, 3
    panel["answer"] = panel["poor"] * 4 - 1.5
    panel["status"] = np.where(panel["poor"] == 1, "在", "离")
    panel["typed"] = np.where(panel.index % 67 == 0, 1 - panel["poor"], panel["poor"])
    panel["later_only"] = np.where(panel["poor"] == 1, rng.normal(0, 1, len(panel)), np.nan)
    panel["serial"] = np.arange(len(panel)) + 1
    panel["passport"] = panel["hh"] * 7 + 12
    panel["name"] = [f"N{number}" for number in range(len(panel))]
    panel["income again"] = panel["income"]
    panel["ended"] = panel["noise1"].where(panel["year"] < 2014)
    found = compared(panel, drop=["noise3"])
    codes = {one.column: one.code for one in found.left_out}
    assert codes == {
        "noise3": "dropped",
        "nothing": "empty",
        "always": "constant",
        "answer": "leak",
        "status": "leak",
        "typed": "leak",
        "later_only": "leak",
        "serial": "identifier",
        "passport": "identifier",
        "name": "identifier",
        "income again": "copy",
        "ended": "absent_in_test",
    }
    assert found.models["ours"].roc_auc < 0.97
    assert all(one.reason for one in found.left_out)


def test_honest_columns_are_kept() -> None:
    assert not compared(make_panel(households=100, seed=8)).left_out


@pytest.fixture
def one_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.panels.panel.repetitions_for", lambda n: 1)


@pytest.mark.usefixtures("one_repetition")
def test_without_time_rows_are_measured_out_of_fold() -> None:
    panel = make_panel(households=70, waves=2, seed=9).drop(columns="year")
    found = compared(panel, time=None, group="village")
    assert found.n == len(panel)
    assert found.models["ours"].roc_auc > found.models["naive"].roc_auc - 0.02
    assert "Cross-section" in found.title


@pytest.mark.usefixtures("one_repetition")
def test_noise_alone_is_not_learned_out_of_fold() -> None:
    panel = make_panel(households=120, waves=1, seed=10)
    panel["poor"] = np.random.default_rng(3).permutation(panel["poor"])
    found = compared(panel, time=None)
    low, high = found.judged.intervals["ours"]
    assert low < 0.58
    assert high > 0.42
    assert found.judged.word != "better"


def test_highest_first_turns_the_rule() -> None:
    panel = make_panel(households=100, seed=11)
    up = compared(panel).models["naive"].roc_auc
    down = compared(panel, is_highest_first=True).models["naive"].roc_auc
    assert up + down == pytest.approx(1.0, abs=1e-9)


def test_the_last_labelled_wave_is_the_test() -> None:
    panel = make_panel(households=100, waves=3, seed=12).astype({"poor": float})
    panel.loc[panel["year"] == 2014, "poor"] = np.nan
    found = compared(panel)
    assert "test 2012" in found.title
    assert any("have no labels" in one for one in found.notes)


def test_columns_named_like_ours_do_no_harm() -> None:
    panel = make_panel(households=100, seed=13).rename(columns={"noise1": "income, a wave before"})
    panel = panel.rename(columns={"noise2": "own label, a wave before", "noise3": 'quo"ted [x], {y}: 收入'})
    assert compared(panel).n == 100


@pytest.mark.parametrize(
    ("harm", "asked", "said"),
    [
        ({"poor": 0}, {}, "no positives"),
        ({"poor": 1}, {}, "no negatives"),
        ({"poor": np.nan}, {}, "empty in every row"),
        ({"poor": lambda t: t["poor"] + 1}, {}, "is not 0/1: it holds the values 1, 2"),
        ({"poor": lambda t: t["hh"].map("Mrs {}".format)}, {}, "holds 90 different values"),
        ({"year": 2010, "hh": lambda t: np.arange(len(t))}, {}, "one wave only"),
        ({"hh": 5}, {}, "rows repeat a household"),
        ({"hh": lambda t: t["hh"].where(t.index > 2)}, {}, "3 rows have no 'hh'"),
        ({"year": lambda t: t["year"].where(t.index > 0)}, {}, "1 rows have no 'year'"),
        ({"year": lambda t: t["year"].map({2010: "base", 2012: "mid", 2014: "end"})}, {}, "have no order"),
        ({"income": "low"}, {}, "holds no numbers"),
        ({"income": lambda t: t["income"].where(t["year"] < 2014)}, {}, "empty in the test wave"),
        ({}, {"naive": "incom"}, "did you mean 'income'?"),
        ({}, {"label": "zzzzz"}, r"there is no column 'zzzzz' \(--label\)"),
        ({}, {"test_time": "2031"}, "its waves are 2010, 2012, 2014"),
        ({}, {"test_time": "2010"}, "nothing to learn from"),
        ({}, {"drop": ["income"]}, "cannot be dropped"),
        ({}, {"naive": "poor"}, "cannot be both"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    harm: dict[str, object], asked: dict[str, object], said: str
) -> None:
    panel = make_panel(households=90, seed=14).assign(**harm)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=said) as caught:
        compared(panel, **asked)
    assert "\n" not in str(caught.value)
    assert "Mrs" not in str(caught.value)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="too few to learn from"):
        compared(make_panel(households=12, seed=15))


def test_a_name_that_stands_twice_is_refused_where_it_is_asked_for() -> None:
    panel = make_panel(households=90, seed=16)
    twice = pd.concat([panel, panel[["income"]]], axis=1)
    with pytest.raises(DataError, match="stands twice"):
        compared(twice)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("income", ("income", False)),
        ("income:asc", ("income", False)),
        ("income:DESC", ("income", True)),
        ("a:b", ("a:b", False)),
    ],
)
def test_the_rule_of_the_command_line(text: str, expected: tuple[str, bool]) -> None:
    assert parse_naive(text, ["income", "a:b"]) == expected


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(DataError, match="asc or desc"):
        parse_naive("income:up", ["income"])


def test_columns_to_drop_are_parted_by_commas() -> None:
    assert parse_drop("a, b", ["a", "b", "c, d"]) == ["a", "b"]
    assert parse_drop("c, d", ["a", "b", "c, d"]) == ["c, d"]


def test_names_of_columns_and_waves_steer_neither_terminal_nor_page(tmp_path: Path) -> None:
    hostile = "[/red]<script>alert(1)</script>\x1b[2J"
    panel = make_panel(households=60, waves=2, seed=8)
    panel["year"] = panel["year"].map({2010: "[/bold] 2010", 2012: "[/bold] 2012"})
    panel[hostile] = 1
    found = compared(panel)
    shown = io.StringIO()
    print_comparison(found, Console(file=shown, width=200))
    assert "[/red]<script>" in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    page, _ = save_report(found, tmp_path)
    assert "<script>alert" not in page.read_text(encoding="utf-8")


def test_a_rule_that_is_wrong_is_measured_as_wrong_out_of_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two partings are enough to see that the rule keeps its order in each of them.
    monkeypatch.setattr("training.panels.panel.repetitions_for", lambda n: 2)
    panel = make_panel(households=150, waves=1, seed=9)
    noise = np.random.default_rng(0).random(len(panel))
    panel["income"] = panel["poor"] + 0.5 * noise
    found = compared(panel, time=None)
    assert found.models["naive"].roc_auc == 0.0
    assert "Too good to be believed" in " ".join(found.sentences())
    panel["income"] = 1.0
    monkeypatch.setattr("training.panels.panel.repetitions_for", lambda n: 1)
    assert compared(panel, time=None).models["naive"].roc_auc == 0.5
