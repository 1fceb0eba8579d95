"""The algorithms against published vectors, and what is bound to a ciphertext."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.identity.suites import TAG_BYTES, NotSealedSo, Suite, keyed_hash, seal, seal_with, unseal

# RFC 8998, appendix A.1.
SM4 = {
    "key": "0123456789ABCDEFFEDCBA9876543210",
    "nonce": "00001234567800000000ABCD",
    "bound": "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
    "text": "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
    "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
    "sealed": "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    "83DE3541E4C2B58177E065A9BF7B62EC",
}
# McGrew and Viega, The Galois/Counter Mode of Operation, test cases 14 and 16; NIST's own of AES-256-GCM.
AES = {
    "key": "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    "nonce": "cafebabefacedbaddecaf888",
    "bound": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "text": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    "sealed": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b",
}
AES_EMPTY = {
    "key": "00" * 32, "nonce": "00" * 12, "bound": "", "text": "00" * 16,
    "sealed": "cea7403d4d606b6e074ec5d3baf39d18" "d0d1c8a799996bf0265b98b5d48ab919",
}  # fmt: skip
VECTORS = [(Suite.SM4_GCM, SM4), (Suite.AES_256_GCM, AES), (Suite.AES_256_GCM, AES_EMPTY)]


@pytest.mark.parametrize(("suite", "vector"), VECTORS)
def test_published_vectors(suite: Suite, vector: dict[str, str]) -> None:
    key, nonce, bound, text, sealed = (bytes.fromhex(vector[one]) for one in vector)
    assert seal_with(suite, key, nonce, text, bound) == sealed
    assert unseal(suite, key, nonce, sealed, bound) == text


def test_keyed_hashes() -> None:
    key, text = bytes.fromhex("0b" * 20), b"Hi There"
    # RFC 4231, test case 1.
    wanted = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert keyed_hash(Suite.AES_256_GCM, key, text) == wanted
    # Another library's HMAC over another library's SM3.
    assert keyed_hash(Suite.SM4_GCM, key, text) == hmac.new(key, text, "sm3").hexdigest()
    # GB/T 32905, example 1, makes sure of that one.
    wanted = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert hashlib.new("sm3", b"abc").hexdigest() == wanted


@pytest.mark.parametrize("suite", Suite)
@given(
    text=st.binary(max_size=300),
    bound=st.binary(max_size=60),
    where=st.integers(0, 10_000),
    bit=st.integers(0, 7),
)
def test_nothing_opens_that_was_touched(
    suite: Suite, text: bytes, bound: bytes, where: int, bit: int
) -> None:
    key = suite.new_key()
    nonce, sealed = seal(suite, key, text, bound)
    assert unseal(suite, key, nonce, sealed, bound) == text
    assert len(sealed) == len(text) + TAG_BYTES
    changed = bytearray(sealed)
    changed[where % len(sealed)] ^= 1 << bit
    for given_sealed, given_key, given_nonce, given_bound in (
        (bytes(changed), key, nonce, bound),
        (sealed[:-1], key, nonce, bound),
        (sealed[:3], key, nonce, bound),
        (sealed, suite.new_key(), nonce, bound),
        (sealed, key, bytes(12), bound),
        (sealed, key, nonce, bound + b"x"),
    ):
        with pytest.raises(NotSealedSo):
            unseal(suite, given_key, given_nonce, given_sealed, given_bound)


@pytest.mark.parametrize("suite", Suite)
def test_a_nonce_is_never_used_twice(suite: Suite) -> None:
    key = suite.new_key()
    made = [seal(suite, key, b"same", b"") for _ in range(1_000)]
    assert len({nonce for nonce, _ in made}) == len({sealed for _, sealed in made}) == 1_000
