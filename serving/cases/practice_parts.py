"""The parts of a county's practice: grades, steps, and where it has any, classes of households."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """One level of urgency, and who is in it: the grades of the score, and whether every hard trigger is."""

    level: int
    zh: str
    en: str
    score_grades: frozenset[str | None]
    is_of_hard: bool

    def takes(self, score_grade: str | None, is_hard: bool) -> bool:
        """Whether a household is of this level, if it is of none above."""
        return (is_hard and self.is_of_hard) or score_grade in self.score_grades


@dataclass(frozen=True)
class Step:
    """What a county calls a step. `is_assumption`: no document gives the name."""

    zh: str
    en: str
    is_assumption: bool


@dataclass(frozen=True)
class Strategy:
    """One of a county's lines of help (策): the groups of measures of the catalogue that belong to it."""

    code: str
    zh: str
    en: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class HouseholdClass:
    """One of a county's classes of households (户), by causes and types, and the strategies it calls for.

    The class that names neither takes whoever is in no other.
    """

    code: str
    zh: str
    en: str
    causes: frozenset[str]
    object_types: frozenset[str]
    strategies: tuple[str, ...]

    @property
    def is_rest(self) -> bool:
        """Whether it takes whoever is in no other."""
        return not self.causes and not self.object_types

    def takes(self, cause: str, object_type: str | None) -> bool:
        """Whether a household of a cause and a type belongs to it."""
        return cause in self.causes or object_type in self.object_types
