"""Signing: who vouches for a bundle, with a private key that stays where models are made."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scoring.bundle import SIGNATURE, load_bundle
from scoring.errors import SignatureError
from scoring.registry import fetch_version, publish_signature
from scoring.signature import check_signature, load_signing_key, sign_bundle
from training.errors import ReleaseError


def sign_folder(bundle_dir: Path, key_file: Path) -> Path:
    """Sign the bundle in a folder, once it was loaded and found sound; returns the signature's path.

    Raises `BundleError` for a bundle that is not, `SignatureError` for a key that is none.
    """
    key = load_signing_key(key_file)
    load_bundle(bundle_dir)
    return sign_bundle(bundle_dir, key)


def sign_version(version: str, tracking_uri: str, key_file: Path) -> None:
    """Sign a registered version and keep the signature beside its bundle in the registry.

    One that has a signature of this key already is left as it is. Raises `RegistryError` and `BundleError` as
    fetching does, `SignatureError` for a key that is none, `ReleaseError` where another key has signed.
    """
    key = load_signing_key(key_file)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bundle"
        fetch_version(version, tracking_uri, Path(scratch))
        if not (folder / SIGNATURE).exists():
            publish_signature(version, sign_bundle(folder, key), tracking_uri)
            return
        try:
            check_signature(folder, [key.public_key()])
        except SignatureError:
            raise ReleaseError(f"version {version} has a signature that is not of this key") from None
