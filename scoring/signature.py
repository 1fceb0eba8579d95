"""Signatures of bundles: Ed25519 (RFC 8032) over the manifest, which names the hash of every other file.

A hash says that a file is the one the manifest was written for; a signature says who wrote the manifest.
Keys are PEM files, as ``openssl genpkey -algorithm ed25519`` makes them. Nothing here reads a model.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from scoring.bundle import MANIFEST, SIGNATURE, manifest_bytes, read_manifest
from scoring.errors import SignatureError

PURPOSE = b"fangfan bundle manifest 1\n"
"""Stands before the manifest in what is signed: a signature for something else is none for a bundle."""

_MOST_BYTES = 200
_MOST_KEY_BYTES = 100_000
_PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def sign_bundle(directory: Path, key: Ed25519PrivateKey) -> Path:
    """Write the signature beside a bundle's manifest, whole or not at all; returns its path.

    Raises `BundleError` where there is no manifest of the known form.
    """
    read_manifest(directory)
    signed = key.sign(PURPOSE + manifest_bytes(directory))
    beside = directory.with_name(f".{directory.name}-{SIGNATURE}")
    beside.write_bytes(base64.b64encode(signed) + b"\n")
    path = directory / SIGNATURE
    os.replace(beside, path)
    return path


def check_signature(directory: Path, keys: Sequence[Ed25519PublicKey]) -> None:
    """Raise `SignatureError` unless one of `keys` has signed the manifest; without keys nothing is asked.

    Raises `BundleError` where there is no manifest.
    """
    if not keys:
        return
    signed = _signature(directory / SIGNATURE)
    message = PURPOSE + manifest_bytes(directory)
    for key in keys:
        try:
            key.verify(signed, message)
        except InvalidSignature:
            continue
        return
    raise SignatureError(f"none of the {len(keys)} signing keys has signed this {MANIFEST}")


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM file that its owner alone may read; raises `SignatureError`."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SignatureError(
            f"{path} may be read by others than its owner: chmod 600 it, and use another key"
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{path} is no private Ed25519 key in PEM without a password")
    return key


def load_public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """The public keys of a PEM file, one after another; raises `SignatureError` where there is none."""
    content = path.read_bytes()[: _MOST_KEY_BYTES + 1]
    found = _PUBLIC_KEY.findall(content)
    if len(content) > _MOST_KEY_BYTES or not found:
        raise SignatureError(f"{path} holds no public Ed25519 key in PEM (-----BEGIN PUBLIC KEY-----)")
    keys = []
    for number, text in enumerate(found, 1):
        try:
            key = load_pem_public_key(text)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise SignatureError(f"{path}: key {number} is no Ed25519 key")
        keys.append(key)
    return tuple(keys)


def _signature(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise SignatureError(f"the bundle has no {SIGNATURE}, and signing keys are configured")
    content = path.read_bytes()[:_MOST_BYTES]
    try:
        signed = base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        signed = b""
    # Base64 has several texts for the same bytes; one of them is written.
    if len(signed) != 64 or base64.b64encode(signed) + b"\n" != content:
        raise SignatureError(f"{SIGNATURE} is not one line of base64 for 64 bytes")
    return signed
