"""Bundles: what is stored scores bit for bit alike, and nothing altered gets in."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring.bundle import MANIFEST, MODEL, TABLES_DIR, Bundle, load_bundle, save_bundle
from scoring.errors import BundleError
from scoring.model import RiskModel
from tests.scoring.conftest import made_vectors, manifest_for


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    return tmp_path / "bundle"


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_loaded_bundle_scores_bit_for_bit_alike(model: RiskModel, bundle: Bundle) -> None:
    vectors = made_vectors(500, 6)
    np.testing.assert_array_equal(bundle.model.score(vectors), model.score(vectors))
    np.testing.assert_array_equal(bundle.model.explain(vectors).values, model.explain(vectors).values)


def test_the_folder_holds_text_only(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {MODEL, MANIFEST}
    (folder / MODEL).read_text(encoding="utf-8")
    json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def test_tables_are_kept_beside_the_bundle_and_not_in_it(bundle: Bundle, folder: Path) -> None:
    bundle.model.prepare()
    assert {path.name for path in folder.iterdir()} == {MODEL, MANIFEST}
    assert len(list((folder.parent / TABLES_DIR).iterdir())) == 1
    vectors = made_vectors(20, 7)
    found = load_bundle(folder).model.explain(vectors)
    np.testing.assert_array_equal(found.values, bundle.model.explain(vectors).values)


def test_one_household_scores_bit_for_bit_as_in_a_batch_and_as_lightgbm(bundle: Bundle) -> None:
    vectors = made_vectors(200, 8)
    model = bundle.model
    margins = model.margins(model.matrix(vectors))
    np.testing.assert_array_equal(margins, model.booster.predict(model.matrix(vectors), raw_score=True))
    ones = [model.explain(vectors.iloc[at : at + 1]) for at in range(len(vectors))]
    np.testing.assert_array_equal(np.concatenate([one.scores for one in ones]), model.score(vectors))
    np.testing.assert_array_equal(np.vstack([one.values for one in ones]), model.explain(vectors).values)


def test_a_bundle_is_never_overwritten(model: RiskModel, folder: Path) -> None:
    with pytest.raises(BundleError, match="never overwritten"):
        save_bundle(folder, model.booster.model_to_string(), manifest_for(model))


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.99])
def test_truncated_trees_are_refused_before_they_are_read(folder: Path, keep: float) -> None:
    data = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(data[: int(keep * len(data))])
    with pytest.raises(BundleError, match="sha256"):
        load_bundle(folder)


def test_a_changed_digit_is_refused(folder: Path) -> None:
    data = (folder / MODEL).read_text()
    at = data.index("leaf_value=") + len("leaf_value=") + 3
    (folder / MODEL).write_text(data[:at] + ("1" if data[at] != "1" else "2") + data[at + 1 :])
    with pytest.raises(BundleError, match="sha256"):
        load_bundle(folder)


def test_a_changed_digit_with_a_matching_hash_is_caught_by_the_golden_rows(folder: Path) -> None:
    lines = (folder / MODEL).read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith("leaf_value="))
    values = lines[at].removeprefix("leaf_value=").split()
    # Of the same length: the text's head has the sizes of trees.
    changed = [re.sub("[1-9]", lambda found: str(int(found[0]) % 9 + 1), one, count=1) for one in values]
    lines[at] = "leaf_value=" + " ".join(changed) + "\n"
    (folder / MODEL).write_text("".join(lines))
    rewrite(folder, files={MODEL: hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()})
    with pytest.raises(BundleError, match="golden rows"):
        load_bundle(folder)


def _cut_in_the_last_tree(text: str) -> str:
    return text[: text.index("end of trees") - 30]


def _larger_tree(text: str) -> str:
    return re.sub("tree_sizes=([0-9]+)", lambda found: f"tree_sizes={int(found[1]) + 1}", text, count=1)


def _without_sizes(text: str) -> str:
    return re.sub("tree_sizes=[^\n]*\n", "", text)


@pytest.mark.parametrize("harm", [_cut_in_the_last_tree, _larger_tree, _without_sizes])
def test_what_the_reader_of_trees_would_read_beyond_is_refused_before(
    folder: Path, harm: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / MODEL).write_text(harm((folder / MODEL).read_text()))
    rewrite(folder, files={MODEL: hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()})
    monkeypatch.setattr("scoring.bundle._survive", lambda *_: pytest.fail("it was read"))
    with pytest.raises(BundleError, match="cut off"):
        load_bundle(folder)


def test_foreign_files_are_refused(folder: Path) -> None:
    (folder / "loader.py").write_text("raise SystemExit('code ran')")
    with pytest.raises(BundleError, match="nothing more"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"feature_version": "000000000000"}, "definitions have changed"),
        ({"slope": -1.0}, "slope"),
        ({"high_from": 0.01, "medium_from": 0.5}, "borders"),
        ({"golden": {"rows": [], "scores": []}}, "golden"),
        ({"golden": {"rows": [[1.0]], "scores": [0.5]}}, "golden"),
        ({"files": {}}, "nothing less"),
        ({"files": {MODEL: "0" * 64, "../evil": "0" * 64}}, "nothing more"),
        ({"version": "../../etc"}, "known form at: version"),
        ({"version": ".."}, "known form at: version"),
        ({"version": ".admitting.lock"}, "known form at: version"),
        ({"format": 2}, "known form at: format"),
        ({"surprise": 1}, "known form at: surprise"),
    ],
)
def test_altered_manifests_are_refused(folder: Path, changes: dict[str, Any], match: str) -> None:
    rewrite(folder, **changes)
    with pytest.raises(BundleError, match=match):
        load_bundle(folder)


def test_swapped_features_are_refused(folder: Path) -> None:
    features = json.loads((folder / MANIFEST).read_text())["features"]
    features[0], features[1] = features[1], features[0]
    rewrite(folder, features=features)
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": NaN}'])
def test_a_manifest_that_is_no_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match="known form"):
        load_bundle(folder)


def test_an_absent_manifest_or_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(tmp_path / "nowhere")
    shutil.move(folder / MANIFEST, tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(folder)


@pytest.mark.parametrize("keep", [0.1, 0.3, 0.5])
def test_a_truncated_model_with_a_matching_hash_does_not_take_the_process_along(
    folder: Path, keep: float
) -> None:
    text = (folder / MODEL).read_bytes()
    harmed = text[: int(len(text) * keep)]
    (folder / MODEL).write_bytes(harmed)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][MODEL] = hashlib.sha256(harmed).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("name", [MODEL, MANIFEST])
def test_links_and_folders_are_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(folder)
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(folder)
