"""The pipeline from stored signals to a recorded model."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import CONTRACTS, FEATURES, Signals
from scoring.bundle import load_bundle
from scoring.errors import BundleError
from scoring.registry import connect, set_champion
from tests.training.conftest import ENDS_ON
from training.errors import DataError
from training.evaluation.document import evaluation_json
from training.experiment import load_experiment
from training.matrix import build_matrix
from training.pipeline import FinishedRun, _run_hash, find_compared, run_experiment
from training.provenance import code_fingerprint, data_fingerprint, library_versions

AS_OF = dt.date(2024, 10, 31)


def test_the_bundle_scores_as_the_measured_model(finished: FinishedRun) -> None:
    loaded = load_bundle(finished.bundle)
    vectors = finished.evaluation.train_vectors.head(200)
    assert loaded.model.score(vectors) == pytest.approx(finished.evaluation.model.score(vectors), abs=1e-12)
    assert loaded.manifest.metrics == finished.evaluation.flat_metrics()


def test_golden_rows_are_nobody(finished: FinishedRun) -> None:
    rows = load_bundle(finished.bundle).manifest.golden.rows
    real = {tuple(row) for row in finished.evaluation.train_vectors.fillna(-1).to_numpy().tolist()}
    assert not {tuple(-1.0 if one is None else one for one in row) for row in rows} & real


def test_every_baseline_stands_beside_ours(finished: FinishedRun) -> None:
    report = json.loads((finished.bundle.parent / "evaluation.json").read_text(encoding="utf-8"))
    assert next(iter(report)) == "format"
    assert report["verdict"]["sentence"].split(" than")[0] in {"BETTER", "NOT BETTER", "WORSE"}
    rankings = report["tests"][0]["rankings"]
    assert {
        "lowest income first",
        "union of triggers",
        "points card",
        "logistic regression",
        "LightGBM defaults",
        "ours",
    } <= set(rankings)
    for one in rankings.values():
        for name in ("roc_auc", "pr_auc", "precision", "recall"):
            assert 0 <= one[name]["low"] <= one[name]["high"] <= 1
        assert one["precision"]["worst"] <= one["precision"]["value"] <= one["precision"]["best"]
    assert report == evaluation_json(finished.evaluation)


def test_each_feed_is_silenced_in_turn(finished: FinishedRun) -> None:
    report = json.loads((finished.bundle.parent / "evaluation.json").read_text(encoding="utf-8"))
    whole, *silent = report["silent_feeds"]
    assert "feed" not in whole
    assert whole["moved"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert whole["ratio"]["value"] == pytest.approx(whole["predicted"]["value"] / whole["observed"]["value"])
    ours = report["tests"][-1]["rankings"]["ours"]
    for key in ("n", "positives", "visits"):
        assert {one[key] for one in report["silent_feeds"]} == {ours[key]}
    # The value is the same; resamples number the households otherwise.
    assert whole["roc_auc"]["value"] == pytest.approx(ours["roc_auc"]["value"])
    assert [one["feed"] for one in silent] == [feed for feed in CONTRACTS if feed in _read_feeds()]
    for one in silent:
        assert one["features"] == sum(one["feed"] in made.feeds for made in FEATURES.values())
        moved = one["predicted"]["value"] / whole["predicted"]["value"]
        assert one["moved"]["value"] == pytest.approx(moved)
        for key in ("ratio", "moved", "predicted", "roc_auc", "precision", "ece"):
            assert one[key]["low"] <= one[key]["high"]
        assert one["observed"] == whole["observed"]


def _read_feeds() -> set[str]:
    return {feed for one in FEATURES.values() for feed in one.feeds} - {"household"}


def test_line_and_certainty_travel_with_the_model(finished: FinishedRun) -> None:
    loaded, made = load_bundle(finished.bundle).model, finished.evaluation.model
    assert loaded.blend == made.blend
    assert loaded.venn_abers == made.venn_abers is not None
    report = json.loads((finished.bundle.parent / "evaluation.json").read_text(encoding="utf-8"))
    tried = {one["tree_share"]: one["log_loss"] for one in report["model"]["log_loss_by_tree_share"]}
    chosen = report["model"]["tree_share"]
    assert chosen == (made.blend.tree_share if made.blend else 1.0)
    assert tried[chosen] <= tried[1.0]


def test_the_run_says_what_it_was_made_from(finished: FinishedRun, county_folder: Path) -> None:
    run = connect(finished.tracking_uri).get_run(finished.run_id)
    tags = run.data.tags
    read = [
        county_folder / name for name in ("signals", "outcomes.parquet", "visits.parquet", "area_groups.yaml")
    ]
    assert tags["data_sha256"] == data_fingerprint(*read)
    assert len(tags["git_revision"].removesuffix("+changes")) in {40, len("unknown")}
    assert tags["library.lightgbm"].count(".") == 2
    assert run.data.params["train_as_of"] == "2023-10-31,2024-10-31"
    assert run.data.metrics["roc_auc"] == finished.evaluation.flat_metrics()["roc_auc"]


def test_the_mark_of_the_code_follows_sources_and_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "part").mkdir(parents=True)
    source, texts = package / "part" / "fit.py", package / "part" / "texts.yaml"
    source.write_text("a = 1\n", encoding="utf-8")
    texts.write_text("a: 1\n", encoding="utf-8")
    before = code_fingerprint(package)
    (package / "part" / "fit.cpython-313.pyc").write_bytes(b"compiled")
    (package / "notes.txt").write_text("nothing", encoding="utf-8")
    assert code_fingerprint(package) == before
    for changed in (source, texts):
        kept = changed.read_text(encoding="utf-8")
        changed.write_text(kept.replace("1", "2"), encoding="utf-8")
        assert code_fingerprint(package) != before
        changed.write_text(kept, encoding="utf-8")
    source.rename(source.with_name("fitting.py"))
    assert code_fingerprint(package) != before
    assert code_fingerprint() == code_fingerprint() != before


def test_a_killed_run_is_not_continued_by_other_code(
    experiment_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load_experiment(experiment_file)

    def mark() -> str:
        return _run_hash(experiment, "data", ENDS_ON, None)

    before = mark()
    assert mark() == before
    # Uncommitted changes have the same commit.
    monkeypatch.setattr("training.pipeline.code_fingerprint", lambda: "changed")
    assert mark() != before


def test_every_library_that_decides_a_result_is_named() -> None:
    assert {"lightgbm", "optuna", "scikit-learn", "scipy"} <= set(library_versions())


def test_fingerprint_tells_one_changed_byte_and_a_new_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    before = data_fingerprint(tmp_path)
    (tmp_path / "a").write_bytes(b"1235")
    changed = data_fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({before, changed, data_fingerprint(tmp_path)}) == 3


def test_what_became_known_later_changes_no_row(county_folder: Path) -> None:
    """The future is not removed here but made up anew: incomes and bills that arrive after the date."""
    signals = Signals.load(county_folder / "signals")
    outcomes = pd.read_parquet(county_folder / "outcomes.parquet")

    def matrix(of: Signals) -> Any:
        return build_matrix(
            of, outcomes, [AS_OF], features=tuple(FEATURES), horizon_months=12, outcomes_until=ENDS_ON,
            region="CN-50",
        )  # fmt: skip

    tables = dict(signals.tables)
    for feed, column in (("income", "amount_fen"), ("illness", "self_paid_fen")):
        frame = tables[feed].to_pandas(types_mapper=pd.ArrowDtype)
        later = pd.to_datetime(frame["known_on"].astype("string")) > pd.Timestamp(AS_OF)
        assert later.any()
        frame.loc[later, column] = frame.loc[later, column] * 3 + 17
        tables[feed] = type(tables[feed]).from_pandas(frame, schema=tables[feed].schema, preserve_index=False)
    first, second = matrix(signals), matrix(Signals(tables, signals.coverage))
    pd.testing.assert_frame_equal(first.vectors, second.vectors, check_exact=True)
    assert np.array_equal(first.labels, second.labels)


def test_a_matrix_needs_both_outcomes(county_folder: Path) -> None:
    signals = Signals.load(county_folder / "signals")
    outcomes = pd.read_parquet(county_folder / "outcomes.parquet").head(0)
    with pytest.raises(DataError, match="both outcomes are needed"):
        build_matrix(
            signals, outcomes, [AS_OF], features=["income_net_yuan_12m"], horizon_months=12,
            outcomes_until=ENDS_ON, region="CN-50",
        )  # fmt: skip


def test_data_without_outcomes_is_refused(county_folder: Path, experiment_file: Path, tmp_path: Path) -> None:
    shutil.copytree(county_folder / "signals", tmp_path / "signals")
    with pytest.raises(DataError, match=r"lacks outcomes\.parquet"):
        run_experiment(experiment_file, tmp_path, tmp_path / "out", outcomes_until=ENDS_ON)


def test_the_champion_to_compare_with_is_given_or_registered(
    finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = finished.tracking_uri.removeprefix("sqlite:///")
    uri = f"sqlite:///{shutil.copy(store, tmp_path / 'mlflow.db')}"
    assert find_compared(None, f"sqlite:///{tmp_path / 'none.db'}") == (None, None)
    assert not (tmp_path / "none.db").exists()
    set_champion(finished.registered_version, uri)
    for bundle in (None, finished.bundle):
        champion, note = find_compared(bundle, uri)
        assert champion is not None
        assert note is None
        assert champion.version == finished.evaluation.model.version
        # Trained as of 2024-10-31 with labels of twelve months.
        assert (champion.saw(dt.date(2025, 10, 30)), champion.saw(dt.date(2025, 10, 31))) == (True, False)

    def refuse(*_: object) -> None:
        raise BundleError("the features' definitions have changed")

    monkeypatch.setattr("training.pipeline.fetch_bundle", refuse)
    champion, note = find_compared(None, uri)
    assert champion is None
    assert note is not None
    assert note.endswith("could not be compared with: the features' definitions have changed")
