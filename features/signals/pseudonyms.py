"""Keys that are no pseudonyms: an ID number or a mobile number in the place of a household's or member's key.

Keys are stored, logged by their hashes, put into addresses and handed on in result files, as nothing but a
pseudonym may be. A key of 18 characters is refused where its date of birth and check character are those of
an ID number (GB 11643), which keys that are counted up practically never have; one of 11 digits where it
begins as a mobile number does.
"""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pyarrow.compute as pc

SHAPE = r"[0-9]{17}[0-9Xx]|1[3-9][0-9]{9}"
"""What has to be looked at closely; every other key is none of somebody's numbers."""

_SHAPE = re.compile(SHAPE, re.ASCII)
_MOBILE_LENGTH = 11
WEIGHTS = tuple(2 ** (18 - place) % 11 for place in range(1, 18))
CHECKS = "10X98765432"
_CENTURIES = ("18", "19", "20")


def check_character(digits: str) -> str:
    """The check character of the 17 digits of an ID number (ISO 7064 MOD 11-2)."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11]


def are_plain_keys(keys: pa.Array, pattern: str) -> pa.Array:
    """The mask of keys that match the pattern and need no closer look; null where a key is."""
    needs_look = pc.match_substring_regex(keys, f"^(?:{SHAPE})$")
    return pc.and_(pc.match_substring_regex(keys, f"^(?:{pattern})$"), pc.invert(needs_look))


def is_somebodys_number(key: str) -> bool:
    """Whether a key is an ID number or a mobile number."""
    if not _SHAPE.fullmatch(key):
        return False
    if len(key) == _MOBILE_LENGTH:
        return True
    if key[6:8] not in _CENTURIES or key[-1].upper() != check_character(key[:-1]):
        return False
    try:
        dt.date(int(key[6:10]), int(key[10:12]), int(key[12:14]))
    except ValueError:
        return False
    return True
