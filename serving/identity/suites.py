"""The two suites of algorithms: the international one and the Chinese commercial one (商用密码).

AES-256-GCM (NIST SP 800-38D) with HMAC-SHA-256, or SM4-GCM (GB/T 32907, RFC 8998) with HMAC-SM3 (GB/T 32905).
"""

from __future__ import annotations

import secrets
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
TAG_BYTES = 16
LOOKUP_BYTES = 32
"""Length of a lookup key; both hashes give as many."""


class NotSealedSo(Exception):
    """A ciphertext that was changed, moved to another row, or sealed with another key."""


class Suite(StrEnum):
    """Which algorithms encrypt and look up."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"

    @property
    def key_bytes(self) -> int:
        """Length of an encryption key."""
        return 32 if self is Suite.AES_256_GCM else 16

    def new_key(self) -> bytes:
        """A random encryption key."""
        return secrets.token_bytes(self.key_bytes)


def seal(suite: Suite, key: bytes, text: bytes, bound: bytes) -> tuple[bytes, bytes]:
    """A random nonce, and the ciphertext with its tag of 16 bytes; `bound` has to be given again to open it.

    One key may seal 2**32 texts (SP 800-38D §8.3): a household's key seals some dozens, a key-encryption key
    one for each household.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce, seal_with(suite, key, nonce, text, bound)


def seal_with(suite: Suite, key: bytes, nonce: bytes, text: bytes, bound: bytes) -> bytes:
    """The same with a nonce that is given, which no other text of the key may have."""
    if suite is Suite.AES_256_GCM:
        return AESGCM(key).encrypt(nonce, text, bound)
    made = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    made.authenticate_additional_data(bound)
    return made.update(text) + made.finalize() + made.tag


def unseal(suite: Suite, key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The text; raises `NotSealedSo` where anything is not as it was sealed."""
    try:
        if suite is Suite.AES_256_GCM:
            return AESGCM(key).decrypt(nonce, sealed, bound)
        text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        made = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
        made.authenticate_additional_data(bound)
        return made.update(text) + made.finalize()
    except (InvalidTag, ValueError):
        raise NotSealedSo from None


def keyed_hash(suite: Suite, key: bytes, text: bytes) -> str:
    """The HMAC of a text as 64 hexadecimal characters: alike for alike texts, useless without the key."""
    made = hmac.HMAC(key, hashes.SHA256() if suite is Suite.AES_256_GCM else hashes.SM3())
    made.update(text)
    return made.finalize().hex()
