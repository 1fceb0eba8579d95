"""How probabilities are written: as a percentage, and as so many households of a round number."""

from __future__ import annotations

from scoring.texts import percent
from serving.console.texts import texts

__all__ = ["in_natural_numbers", "percent", "round_number"]


def round_number(*probabilities: float) -> int:
    """How many households to speak of, so that every one of the probabilities is at least one of them.

    Two numbers that are to be compared need the same round number (Gigerenzer & Edwards 2003, BMJ 327).
    """
    least = min(probabilities)
    return 100 if least >= 0.01 else 1_000 if least >= 0.001 else 10_000


def in_natural_numbers(probability: float, per: int, key: str, language: str) -> str:
    """The text `key` with the probability as a count of `per` households."""
    count = round(probability * per)
    words = texts(language)
    pattern = words[key] if count else words[f"{key}_few"]
    return pattern.format(count=f"{count:,}", per=f"{per:,}")
