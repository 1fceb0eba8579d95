"""Signing: a registered version is signed where it lies, and a service with the public key takes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scoring.bundle import SIGNATURE
from scoring.errors import BundleError, SignatureError
from scoring.registry import fetch_bundle, fetch_version
from scoring.signature import check_signature
from tests.scoring.registries import make_registry
from tests.serving.conftest import make_bundle
from training.errors import ReleaseError
from training.signing import sign_folder, sign_version


@pytest.fixture(scope="module")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    make_bundle(folder)
    return folder


def write_key(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return key


def test_a_folder_is_signed_once_it_is_sound(bundle_dir: Path, tmp_path: Path) -> None:
    folder, key = tmp_path / "bundle", write_key(tmp_path / "key.pem")
    shutil.copytree(bundle_dir, folder)
    assert sign_folder(folder, tmp_path / "key.pem") == folder / SIGNATURE
    check_signature(folder, [key.public_key()])
    (folder / "line.json").write_text("{}", encoding="utf-8")
    (folder / SIGNATURE).unlink()
    with pytest.raises(BundleError):
        sign_folder(folder, tmp_path / "key.pem")
    assert not (folder / SIGNATURE).exists()


def test_a_registered_version_is_signed_where_it_lies(bundle_dir: Path, tmp_path: Path) -> None:
    uri = make_registry(tmp_path / "registry", bundle_dir)
    key = write_key(tmp_path / "key.pem")
    unsigned = fetch_bundle("champion", uri, tmp_path / "before")
    sign_version("1", uri, tmp_path / "key.pem")
    signed = fetch_bundle("champion", uri, tmp_path / "after")
    assert signed.sha256 == unsigned.sha256
    check_signature(tmp_path / "after", [key.public_key()])
    fetch_version("1", uri, tmp_path / "version")
    # Again with the same key: nothing is changed. Another key signs nothing over it.
    sign_version("1", uri, tmp_path / "key.pem")
    write_key(tmp_path / "other.pem")
    with pytest.raises(ReleaseError, match="not of this key"):
        sign_version("1", uri, tmp_path / "other.pem")
    with pytest.raises(SignatureError):
        check_signature(tmp_path / "before", [key.public_key()])
