"""What became of what was to be stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Saved:
    """What became of a batch of rows."""

    new: int = 0
    unchanged: int = 0
    changed: int = 0

    def __add__(self, other: Saved) -> Saved:
        return Saved(self.new + other.new, self.unchanged + other.unchanged, self.changed + other.changed)
