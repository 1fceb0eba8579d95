"""What became of what was to be stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Saved:
    """What became of a batch of rows. `stayed_scored` has grade and suggested action of each of the unchanged
    that came without a score and kept the one that a job had made."""

    new: int = 0
    unchanged: int = 0
    changed: int = 0
    stayed_scored: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind, as plain data."""
        return {"new": self.new, "unchanged": self.unchanged, "changed": self.changed}

    def __add__(self, other: Saved) -> Saved:
        return Saved(
            self.new + other.new,
            self.unchanged + other.unchanged,
            self.changed + other.changed,
            self.stayed_scored + other.stayed_scored,
        )
