"""The store and the desk: versions appear whole, never change, and what is put into service was checked."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from scoring.bundle import SIGNATURE, load_bundle
from scoring.errors import BundleError, SignatureError
from scoring.signature import check_signature, load_public_keys, load_signing_key, sign_bundle
from serving.errors import ModelError, SettingsError
from serving.models.admission import AdmissionRefused
from serving.models.desk import ModelDesk
from serving.models.service_models import ServiceModels, bundle_in_service
from serving.models.store import ModelStore
from serving.settings import Settings
from serving.storage import open_database
from serving.storage.audit_actions import Action
from tests.serving.models.desks import FIRST, SECOND, make_desk, settings_in, take_in


def bundle_copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    for one in (target, *target.iterdir()):
        one.chmod(0o755)
    return target


def test_an_admitted_version_is_read_only_and_whole(desk: ModelDesk, bundle_dir: Path) -> None:
    folder = desk.store.path(FIRST)
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {
        one.name: one.read_bytes() for one in bundle_dir.iterdir()
    }
    for one in (folder, *folder.iterdir()):
        assert not one.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert desk.store.versions() == [FIRST, SECOND]


def test_a_version_never_becomes_another_bundle(desk: ModelDesk, bundle_dir: Path, tmp_path: Path) -> None:
    other = bundle_copy(bundle_dir, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_bytes())
    (other / "manifest.json").write_text(json.dumps({**manifest, "created_at": "later"}), encoding="utf-8")
    with pytest.raises(ModelError, match="never changes"):
        take_in(desk, other)
    assert (
        desk.store.path(FIRST).joinpath("manifest.json").read_bytes()
        == (bundle_dir / "manifest.json").read_bytes()
    )
    # The same bundle again is no change.
    take_in(desk, bundle_dir)


def test_a_version_that_was_altered_is_refused_until_it_is_admitted_again(
    desk: ModelDesk, bundle_dir: Path
) -> None:
    model = desk.store.path(FIRST) / "model.txt"
    model.chmod(0o644)
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))
    with pytest.raises(AdmissionRefused, match="sha256"):
        desk.use(FIRST, "why")
    assert any(FIRST in one for one in desk.verify(False, lambda done, total: None))
    take_in(desk, bundle_dir)
    assert desk.use(FIRST, "why").to_version == FIRST
    assert desk.verify(False, lambda done, total: None) == []


def test_a_folder_that_was_put_there_by_hand_is_tried_first(
    desk: ModelDesk, tmp_path: Path, bundle_dir: Path
) -> None:
    by_hand = bundle_copy(bundle_dir, tmp_path / "by-hand")
    bundle = load_bundle(by_hand)
    golden = bundle.manifest.golden.model_copy(update={"scores": [0.5] * len(bundle.manifest.golden.scores)})
    manifest = bundle.manifest.model_copy(update={"version": "by-hand", "golden": golden})
    (by_hand / "manifest.json").write_text(json.dumps(manifest.model_dump()), encoding="utf-8")
    shutil.move(by_hand, desk.store.path("by-hand"))
    with pytest.raises(AdmissionRefused, match="golden"):
        desk.use("by-hand", "why")
    assert desk.models.state().current is None


def test_a_folder_that_holds_another_version_is_not_used(desk: ModelDesk) -> None:
    desk.store.path(SECOND).rename(desk.store.path("test-3"))
    with pytest.raises(ModelError, match="another version"):
        desk.use("test-3", "why")
    assert desk.models.state().current is None


def test_rollback_checks_the_files_it_goes_back_to(desk: ModelDesk) -> None:
    desk.use(FIRST, "first")
    desk.use(SECOND, "second")
    line = desk.store.path(FIRST) / "line.json"
    line.chmod(0o644)
    line.write_bytes(line.read_bytes() + b" ")
    with pytest.raises(AdmissionRefused):
        desk.rollback("why")
    state = desk.models.state()
    assert state.current is not None
    assert state.current.version == SECOND


def test_what_a_killed_admission_left_goes_with_the_next(tmp_path: Path, bundle_dir: Path) -> None:
    store = ModelStore(tmp_path / "store")
    left = tmp_path / "store" / ".admitting-left"
    left.mkdir(parents=True)
    (left / "model.txt").write_text("half", encoding="utf-8")
    left.chmod(0o555)
    with store.admitting() as scratch:
        assert not left.exists()
        assert store.versions() == []
    assert not scratch.exists()


def test_two_do_not_admit_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serving.models.store

    monkeypatch.setattr(serving.models.store, "_WAIT_SECONDS", 0.3)
    store = ModelStore(tmp_path / "store")
    with store.admitting(), pytest.raises(ModelError, match="another process"), store.admitting():
        pass


def test_admission_and_use_are_in_the_audit_log(desk: ModelDesk) -> None:
    release = desk.use(FIRST, "why")
    admitted = {one.subject for one in desk.audit.search(action=Action.MODEL_ADMITTED)}
    assert release.to_sha256 in admitted
    assert len(admitted) == 2
    assert desk.audit.verify().faults == ()


def pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_keys_and_signatures(bundle_dir: Path, tmp_path: Path) -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    folder = bundle_copy(bundle_dir, tmp_path / "signed")
    check_signature(folder, ())
    with pytest.raises(SignatureError, match=f"has no {SIGNATURE}"):
        check_signature(folder, [first.public_key()])
    sign_bundle(folder, second)
    public = tmp_path / "keys.pem"
    public.write_bytes(b"two keys\n" + pem(first) + b"and\n" + pem(second))
    keys = load_public_keys(public)
    assert len(keys) == 2
    check_signature(folder, keys)
    with pytest.raises(SignatureError, match="none of the 1"):
        check_signature(folder, keys[:1])
    # A signature is a file of the bundle; loading takes note of it as such.
    assert load_bundle(folder).manifest.version == FIRST
    for content in (
        b"",
        b"nonsense",
        pem(X25519PrivateKey.generate()),
        b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
    ):
        public.write_bytes(content)
        with pytest.raises(SignatureError):
            load_public_keys(public)


def test_a_private_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o640)
    with pytest.raises(SignatureError, match="others"):
        load_signing_key(path)
    path.chmod(0o600)
    assert load_signing_key(path).public_key() == key.public_key()
    path.write_bytes(b"no key")
    with pytest.raises(SignatureError, match="no private Ed25519 key"):
        load_signing_key(path)


def test_with_keys_nothing_unsigned_is_loaded_or_used(
    desk: ModelDesk, bundle_dir: Path, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    strict = make_desk(settings_in(tmp_path), desk.models.log.engine, [key.public_key()])
    with pytest.raises(AdmissionRefused) as refused:
        strict.use(FIRST, "why")
    assert refused.value.code == "signature_refused"
    pick = take_in(desk, bundle_dir)
    with pytest.raises(BundleError, match=SIGNATURE):
        strict.models.load(pick)


def test_a_version_that_lost_its_manifest_is_a_fault_among_others(
    bundle_dir: Path, second_dir: Path, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    desk = make_desk(settings_in(tmp_path), keys=[key.public_key()])
    for name, source in (("first", bundle_dir), ("second", second_dir)):
        take_in(desk, sign_bundle(bundle_copy(source, tmp_path / name), key).parent)
    lost = desk.store.path(FIRST)
    lost.chmod(0o755)
    (lost / "manifest.json").unlink()
    (fault,) = desk.verify(False, lambda done, total: None)
    assert fault.startswith(f"{FIRST}: not admitted (files_refused)")
    desk.models.log.engine.dispose()


def test_settings_name_a_store_or_one_bundle(tmp_path: Path) -> None:
    database = {"FANGFAN_DATABASE_URL": "sqlite:///x.db"}
    store, bundle = {"FANGFAN_MODELS_DIR": "store"}, {"FANGFAN_BUNDLE_DIR": "bundle"}
    made = Settings.from_environment({**database, **store})
    assert (made.models_dir, made.bundle_dir) == (Path("store"), None)
    assert Settings.from_environment(made.environment()) == made
    # What a command says comes before what the environment says of the other one.
    assert Settings.from_environment({**database, **store}, bundle_dir=Path("b")).models_dir is None
    assert Settings.from_environment({**database, **bundle}, models_dir=Path("s")).bundle_dir is None
    # A worker has its service's settings, whatever else its environment says.
    assert Settings.from_environment({**bundle, **made.environment()}) == made
    with pytest.raises(SettingsError, match="FANGFAN_MODELS_DIR"):
        Settings.from_environment(database)
    engine = open_database(f"sqlite:///{tmp_path}/s.db")
    both = Settings.from_environment({**database, **store, **bundle})
    for wrong in (both, Settings(None, database["FANGFAN_DATABASE_URL"])):
        with pytest.raises(SettingsError, match="not both"):
            ServiceModels.of(wrong, engine)
    engine.dispose()


def test_a_batch_takes_what_is_in_service(
    desk: ModelDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FANGFAN_BUNDLE_DIR", raising=False)
    monkeypatch.setenv("FANGFAN_DATABASE_URL", f"sqlite:///{tmp_path}/s.db")
    monkeypatch.setenv("FANGFAN_MODELS_DIR", str(tmp_path / "store"))
    with pytest.raises(ModelError, match="no model is in service"):
        bundle_in_service()
    desk.use(SECOND, "why")
    bundle, folder = bundle_in_service()
    assert (bundle.manifest.version, folder) == (SECOND, desk.store.path(SECOND))
