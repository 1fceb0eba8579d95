"""Five hundred poisoned bundles: none is admitted, nothing dies of them, none of their code runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scoring.signature import sign_bundle
from serving.models import admission
from serving.models.admission import AdmissionRefused, admit_bundle
from serving.models.store import ModelStore
from serving.models.trial import Trial, TrialLimits
from tests.serving.models.poisons import MARK, poisons


def test_none_of_five_hundred_is_admitted(
    bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv(MARK, str(mark))
    key = Ed25519PrivateKey.generate()
    base = tmp_path / "base"
    shutil.copytree(bundle_dir, base)
    sign_bundle(base, key)
    rng = Random(20261101)
    store = ModelStore(tmp_path / "store")
    all_of_them = list(poisons(key))
    assert len(all_of_them) == 500
    refused: Counter[str] = Counter()
    # One child tries all that get so far; it is started anew for the next one where it died.
    with Trial() as trial:
        for number, one in enumerate(all_of_them):
            folder = tmp_path / f"poison-{number}"
            shutil.copytree(base, folder)
            one.harm(folder, rng)
            # From inside: what lies in the working directory must be no library for anybody.
            monkeypatch.chdir(folder)
            with pytest.raises(AdmissionRefused) as refusal:
                admit_bundle(store, folder, [key.public_key()] if one.is_signed else [], trial)
            assert refusal.value.code in one.codes, f"{one.name}: {refusal.value}"
            assert str(tmp_path) not in str(refusal.value)
            refused[refusal.value.code] += 1
            monkeypatch.chdir(tmp_path)
            shutil.rmtree(folder)
        assert sum(refused.values()) == 500
        assert store.versions() == []
        assert refused["trial_refused"] >= 45
        # One child has tried them all.
        assert (trial.starts, refused["trial_died"]) == (1, 0)
        # What refuses everything would prove nothing.
        assert admit_bundle(store, base, [key.public_key()], trial).version in store.versions()
    assert not mark.exists()
    assert [one.name for one in store.folder.iterdir() if one.name.startswith(".admitting-")] == []


@pytest.mark.parametrize(
    ("limits", "codes"),
    [
        (TrialLimits(seconds=0.2), {"trial_too_slow"}),
        (TrialLimits(memory_bytes=120_000_000), {"trial_died", "trial_too_large", "trial_refused"}),
        (TrialLimits(processor_seconds=1), {"trial_died"}),
    ],
)
def test_a_trial_that_takes_too_much_is_refused(
    bundle_dir: Path, tmp_path: Path, limits: TrialLimits, codes: set[str]
) -> None:
    store = ModelStore(tmp_path / "store")
    with Trial(limits) as trial, pytest.raises(AdmissionRefused) as refusal:
        admit_bundle(store, bundle_dir, [], trial)
    assert refusal.value.code in codes
    assert store.versions() == []


def test_a_file_that_is_too_large_is_not_read_to_the_end(bundle_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "large"
    shutil.copytree(bundle_dir, folder)
    # Sparse: a terabyte that takes no room.
    os.truncate(folder / "model.txt", 10**12)
    with Trial() as trial, pytest.raises(AdmissionRefused) as refusal:
        admit_bundle(ModelStore(tmp_path / "store"), folder, [], trial)
    assert refusal.value.code == "too_large"


def test_files_that_are_too_large_together_are_not_taken(
    bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sum(path.stat().st_size for path in bundle_dir.iterdir())
    for most, is_taken in ((whole, True), (whole - 1, False)):
        monkeypatch.setattr(admission, "MOST_BYTES_TOGETHER", most)
        target = tmp_path / str(most)
        target.mkdir()
        if is_taken:
            admission.copy_files(bundle_dir, target)
        else:
            with pytest.raises(AdmissionRefused, match="the bundle has more than") as refusal:
                admission.copy_files(bundle_dir, target)
            assert refusal.value.code == "too_large"
