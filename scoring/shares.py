"""A share in words: half, a third, a small part; what a person at a door can say and keep."""

from __future__ import annotations

SHARE_WORDS: tuple[tuple[float, str], ...] = (
    (0.90, "nearly_all"),
    (0.75, "most"),
    (7 / 12, "two_thirds"),
    (5 / 12, "half"),
    (7 / 24, "third"),
    (0.20, "quarter"),
    (0.0, "small"),
)
"""Least share of each word, largest first. Between two fractions the border lies in their middle: 7/12
between a half and two thirds, 5/12 between a third and a half, 7/24 between a quarter and a third."""


def share_word(share: float) -> str:
    """The word of a share from 0 to 1, a key of the texts."""
    return next(word for least, word in SHARE_WORDS if share >= least)
