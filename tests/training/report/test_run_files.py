"""A run's page, card and record: every number is the JSON's, every section is there, nothing is fetched."""

from __future__ import annotations

import copy
import errno
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features import FEATURES
from scoring.bundle import load_bundle
from tests.training.report.further_sections import ESTIMATE, further_sections
from tests.training.report.reading import read
from training.errors import DataError
from training.pipeline import FinishedRun
from training.report.card import card_markdown, render_card
from training.report.charts_of_run import charts_of_run
from training.report.figures import FORMS, Number, Table
from training.report.files import MOST_BYTES, RENDERED, Operator, read_report, render_files, write_whole
from training.report.markdown import render_markdown
from training.report.page import Section
from training.report.plain_tables import plain_tables
from training.report.record import record_markdown, register_record
from training.report.run_page import BUILDERS, PLAIN, render_report, summary
from training.report.texts import words


@pytest.fixture(scope="module")
def folder(finished: FinishedRun) -> Path:
    return finished.bundle.parent


@pytest.fixture(scope="module")
def doc(folder: Path) -> dict[str, Any]:
    return read_report(folder)


@pytest.fixture
def whole(doc: dict[str, Any]) -> dict[str, Any]:
    """The run's JSON with every section that a larger experiment would have."""
    found = copy.deepcopy(doc)
    found["tests"] = [{**copy.deepcopy(found["tests"][0]), "as_of_date": "2025-04-30"}, found["tests"][0]]
    gained = {"precision": {"value": 0.01, "low": -0.02, "high": 0.04}, "pr_auc": ESTIMATE}
    found |= {
        "list_changes": [{
            "from_date": "2025-04-30", "to_date": "2025-10-31", "listed_before": 147, "listed_after": 148, "stay": 91,
            "leave": 56, "enter": 57, "no_longer_in_cohort": 3, "jaccard": {"value": 0.4375, "low": 0.36875, "high": 0.50625},
        }],
        "churn": [{
            "as_of_date": "2025-10-31", "champion": "county-1", "champion_saw_test": True, "stay": 93, "leave": 54,
            "enter": 55, "jaccard": {"value": 0.4625, "low": 0.39375, "high": 0.53125}, "difference": gained,
        }],
        "ablation": [{"theme": "illness", "pr_auc": ESTIMATE, "lost": gained}],
        "choices": [{
            "measure": "pr_auc", "dates": ["2023-10-31", "2024-10-31"], "chosen": "plain",
            "candidates": [{"candidate": "plain", "values": [0.125, 0.25], "regrets": [0.0, 0.0625], "mean_regret": 0.03125, "worst_regret": 0.0625}],
        }],
        "tuning": {"trials": [{"number": 17, "num_leaves": 23, "score": 0.03725}], "best": 17},
        **further_sections(),
        "certainty": {"wide_share": 0.12125},
        "something_new": [{"thing": "a", "count": 12345}],
    }  # fmt: skip
    return found


def numbers_in(found: Any) -> Iterator[float]:
    if isinstance(found, dict):
        for one in found.values():
            yield from numbers_in(one)
    elif isinstance(found, list):
        for one in found:
            yield from numbers_in(one)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield float(found)


def written(value: float) -> set[str]:
    return {write(value) for write in FORMS.values()}


def test_every_number_of_the_page_is_the_json_s(whole: dict[str, Any]) -> None:
    shown = read(render_report(whole)).numbers
    known = set(numbers_in(whole))
    assert len(shown) > 500
    assert [value for value, _ in shown if value not in known] == []
    assert [one for one in shown if one[1] not in written(one[0])] == []


def test_no_number_hides_in_words(whole: dict[str, Any]) -> None:
    """Digits outside of numbers are dates, names, settings as written, axis ticks, or hints in the charts."""
    page = render_report(whole)
    without_charts = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    said = re.findall(r"(?<![\w.,:-])\d+(?:\.\d+)+(?:%|×)?(?![\w:-])", " ".join(read(without_charts).words))
    strings = json.dumps(list(strings_in(whole)))
    assert [one for one in said if one not in strings] == []


def strings_in(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        for one in found.values():
            yield from strings_in(one)
    elif isinstance(found, list):
        for one in found:
            yield from strings_in(one)
    elif isinstance(found, str):
        yield found


def test_every_measured_number_of_the_model_is_shown(doc: dict[str, Any]) -> None:
    """The other way round: no estimate of ours on a test date is left out."""
    shown = {value for value, _ in read(render_report(doc)).numbers}
    for test in doc["tests"]:
        estimates = [one for one in test["rankings"]["ours"].values() if isinstance(one, dict)]
        assert {one[end] for one in estimates for end in ("value", "low", "high")} <= shown
        assert {
            one["recall"]["value"] for by in test["groups"] for one in by["cells"] if "recall" in one
        } <= shown
        assert {one["predicted"] for one in test["reliability"]} <= shown


def test_every_section_is_there_and_absent_ones_are_left_out(whole: dict[str, Any]) -> None:
    everything = {key for key, _ in BUILDERS} | set(PLAIN) | {"more"}
    assert everything == set(words("en")["sections"]) == set(words("zh")["sections"])
    assert everything <= set(read(render_report(whole)).ids)
    for key in ("explanations", "golden", "run", "list_changes", "tuning", "horizons", "something_new"):
        del whole[key]
    left = set(read(render_report(whole)).ids)
    assert not {"explanations", "golden", "lists", "tuning", "horizons", "more"} & left


def test_records_become_rows_named_by_their_text() -> None:
    records = [
        {"n": 5, "ece": ESTIMATE},
        {"n": 6, "feed": "illness", "nested": {"share": 0.5}, "is_kept": True},
    ]
    (table,) = plain_tables("silent feeds", records)
    assert table.columns == ("feed", "n", "ece", "nested share", "is kept")
    assert table.rows[1] == ("illness", Number(6, "count"), "–", Number(0.5, "rate"), "yes")
    estimate = table.rows[0][2]
    assert isinstance(estimate, tuple)
    assert "".join(map(str, estimate)) == "0.4200 [0.3100, 0.5500]"
    shown = plain_tables("more", {"flat": 1, "deep": {"list": [{"a": 1}], "one": [1, 2]}, "said": "x"})
    assert [one.title for one in shown] == ["more", "more: deep", "more: deep: list"]


def test_a_champion_that_could_not_be_compared_is_said(doc: dict[str, Any]) -> None:
    said = read(render_report({**doc, "champion_note": "the champion could not be compared with"}))
    assert "churn" in said.ids
    assert "the champion could not be compared with" in said.words


def test_what_is_not_beaten_is_named(doc: dict[str, Any]) -> None:
    verdict = {**doc["verdict"], "words": {"points card": "better", "logistic regression": "not better"}}
    said = read(render_report({**doc, "verdict": verdict})).words
    assert "未能胜过的对照：逻辑回归。" in said


def test_a_bare_verdict_is_a_page() -> None:
    verdict = {
        "verdict": "worse",
        "is_better": False,
        "sentence": "WORSE than it",
        "best_baseline": "points card",
    }
    found = read(render_report({"verdict": verdict, "experiment": {"name": "bare"}}))
    assert found.words[1] == "WORSE than it"
    assert any("打分卡" in one for one in found.words)


@pytest.mark.parametrize("name", [one for one in RENDERED if one.endswith(".html")])
def test_pages_are_whole_small_and_fetch_nothing(folder: Path, name: str) -> None:
    page = (folder / name).read_text(encoding="utf-8")
    found = read(page)
    assert (found.open, found.mismatched, found.handlers) == ([], [], [])
    assert all(one.startswith("#") for one in found.addresses)
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert re.search(r"url\(|@import|https?:", page) is None
    assert len(page.encode()) < MOST_BYTES
    assert len(found.ids) == len(set(found.ids))


def test_the_first_line_says_when_a_model_is_not_better(doc: dict[str, Any]) -> None:
    first = read(render_report(doc)).words[1]
    assert first == doc["verdict"]["sentence"]
    assert first.startswith("NOT BETTER") == (doc["verdict"]["verdict"] == "not better")


def test_the_page_is_made_again_from_the_json_alone(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "report.json", tmp_path)
    render_files(tmp_path)
    for name in RENDERED:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert {one.name for one in tmp_path.iterdir()} == {"report.json", *RENDERED}


def test_no_household_is_named(folder: Path, finished: FinishedRun) -> None:
    names = set(finished.evaluation.train_vectors.index.get_level_values("household_id"))
    for one in ("report.json", *RENDERED):
        assert not names & set(re.findall(r"\w+", (folder / one).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"verdict": 1}', '{"verdict": {"verdict": "better"}}', '{"tests": []}']
)
def test_a_report_of_another_form_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(DataError, match=r"report\.json"):
        render_files(tmp_path)
    with pytest.raises(DataError, match=r"holds no report\.json"):
        read_report(tmp_path / "none")


def test_the_card_s_numbers_are_the_json_s(doc: dict[str, Any]) -> None:
    shown = read(render_card(doc)).numbers
    known = set(numbers_in(doc))
    assert [value for value, _ in shown if value not in known] == []
    ours = doc["tests"][-1]["rankings"]["ours"]
    assert {ours["roc_auc"]["value"], ours["recall"]["value"], ours["ece"]["value"]} <= {
        value for value, _ in shown
    }
    # The same numbers stand in the Markdown, in both languages.
    markdown = card_markdown(doc).replace("\\", "")
    for text in (f"{ours['roc_auc']['value']:.3f} [", f"{ours['ece']['value']:.4f} ["):
        assert markdown.count(text) >= 2


def test_the_card_says_in_both_languages_what_it_must_not_be_used_for(doc: dict[str, Any]) -> None:
    said = " ".join(read(render_card(doc)).words)
    for language in ("zh", "en"):
        card = words(language)["card"]
        for text in (*card["never_list"], *card["limits_list"], card["users_text"], card["data_text"]):
            assert text in said
    assert said.index("用途") < said.index("Purpose")


def test_the_operator_is_named_where_known(doc: dict[str, Any]) -> None:
    named = {**doc, "operator": {"name": "某县防返办 <b>", "contact": "0000-1234"}}
    assert "某县防返办 &lt;b&gt;" in render_card(named)
    values = {one["key"]: one["value"] for one in register_record(named)["fields"]}
    assert values["operator_name"] == {"zh": "某县防返办 <b>", "en": "某县防返办 <b>"}
    assert values["contact"]["zh"] == "0000-1234"
    assert words("zh")["card"]["filled"] in render_card({**doc, "operator": {}})
    assert Operator.from_environment({"FANGFAN_OPERATOR": "a", "FANGFAN_CONTACT": "b"}) == Operator("a", "b")


def test_the_record_has_the_json_s_numbers_and_marks_what_it_cannot_know(doc: dict[str, Any]) -> None:
    record = register_record(doc)
    ours = doc["tests"][-1]["rankings"]["ours"]
    assert record["metrics"] == {key: ours[key] for key in record["metrics"]}
    assert {"roc_auc", "precision", "recall", "ece"} <= set(record["metrics"])
    assert (record["households"], record["training_rows"]) == (
        doc["tests"][-1]["n"],
        doc["model"]["train_rows"],
    )
    assert record["verdict"] == doc["verdict"]["verdict"]
    for field in record["fields"]:
        assert (field["value"] is None) == (field["filled_in_by"] == "operator")
        assert field["zh"]
        assert field["en"]
    markdown = record_markdown(record)
    # Once more in the note that explains the mark.
    left = sum(one["value"] is None for one in record["fields"])
    assert markdown.count(words("en")["card"]["filled"]) == left + 1
    assert f"{ours['roc_auc']['value']:.3f}" in markdown
    assert f"{len(FEATURES)} features" in markdown


def test_the_words_have_the_same_keys_in_both_languages() -> None:
    def keys(found: Any, prefix: str = "") -> set[str]:
        if isinstance(found, dict):
            return {one for key, value in found.items() for one in keys(value, f"{prefix}.{key}")}
        return {f"{prefix}[{len(found)}]" if isinstance(found, list) else prefix}

    assert keys(words("zh")) == keys(words("en"))


def test_markdown_keeps_hostile_text_in_its_cell() -> None:
    table = Table("t|x", ("a|b", ""), ((("<img> | ", Number(0.5)), "two\nlines"),))
    lines = render_markdown("# title", [Section("k", "s", (table,))]).splitlines()
    row = next(one for one in lines if "img" in one)
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert "\\<img\\>" in row


def test_plots_stand_alone(doc: dict[str, Any]) -> None:
    from xml.etree import ElementTree

    found = charts_of_run(doc)
    assert {"data-1", "calibration-1", "models-1", "explanations-2"} <= set(found)
    for svg in found.values():
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"


def test_explanations_are_the_bundle_s(doc: dict[str, Any], finished: FinishedRun) -> None:
    """Recomputed here with LightGBM's own contributions, on all households of the last training date."""
    bundle = load_bundle(finished.bundle)
    vectors = finished.evaluation.train_vectors
    dates = vectors.index.get_level_values("as_of_date")
    matrix = bundle.model.matrix(vectors[dates == dates.max()])
    theirs = bundle.model.booster.predict(matrix, pred_contrib=True)[:, :-1] * bundle.model.calibration.slope
    found = doc["explanations"]
    assert found["additivity"]["sum_gap"] < 1e-10
    assert found["additivity"]["library_gap"] < 1e-10
    strongest = found["features"][0]
    mean = float(abs(theirs[:, bundle.model.feature_names.index(strongest["feature"])]).mean())
    # A third of the households were sampled.
    assert math.isclose(strongest["strength"], mean, rel_tol=0.15)
    assert 0 <= found["stability"]["listed"] <= 1
    assert len(strongest["points"]) == 150


def test_a_full_disk_leaves_the_old_file_and_no_half_of_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write_whole(path, "old")

    def half(target: Path, text: str, **_: object) -> int:
        with target.open("w") as file:
            file.write(text[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new and longer")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_list_is_summed_up_with_its_intervals(doc: dict[str, Any], language: str) -> None:
    ours = doc["tests"][-1]["rankings"]["ours"]
    told = [[part.value for part in one.parts if isinstance(part, Number)] for one in summary(doc, language)]
    expected = [
        ours[name][end] for name in ("recall", "precision", "lift") for end in ("value", "low", "high")
    ]
    assert [doc["tests"][-1]["visits"], *expected] in told
