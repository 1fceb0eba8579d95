"""Why a household is not listed: what keeps its risk down, and how far it is from the border.

Listed is who the score alone would have visited: the grade ``high``. A department's alert asks for a visit
whatever is said here, and silent feeds leave the question open; both are said with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scoring.calibration import log_odds_of
from scoring.grades import Grade, GradeBorders
from scoring.reasons import MODERATE, STRONG, Reason
from scoring.texts import catalogue

Distance = Literal["near", "some", "far"]


@dataclass(frozen=True)
class NotListed:
    """How far below the border a household is and the families that hold it down, strongest first.

    `border` is the least listed score, `log_odds_to_border` how much more log-odds it would take.
    """

    border: float
    log_odds_to_border: float
    held_down_by: tuple[str, ...]
    has_hits: bool
    has_silent_feeds: bool

    @property
    def distance(self) -> Distance:
        """The distance in words: near where a moderate reason closes it, far where a strong one does not."""
        return distance_word(self.log_odds_to_border)


def find_not_listed(
    log_odds: float,
    grade: Grade,
    borders: GradeBorders,
    protective: Sequence[Reason],
    *,
    has_hits: bool,
    has_silent_feeds: bool,
) -> NotListed | None:
    """Why a household is not listed; `None` for one that is. `protective` are its protective reasons."""
    if grade == "high":
        return None
    away = max(0.0, log_odds_of(borders.high) - log_odds)
    return NotListed(borders.high, away, tuple(one.family for one in protective), has_hits, has_silent_feeds)


def distance_word(log_odds: float) -> Distance:
    """The word for a distance in log-odds; the steps are those of a reason's strength."""
    return "near" if log_odds < MODERATE else "some" if log_odds < STRONG else "far"


def not_listed_text(plain: Mapping[str, Any], language: str) -> str:
    """The sentences, from a statement's ``not_listed``."""
    texts, families = catalogue(language)["not_listed"], catalogue(language)["families"]
    names = [families[one]["topic"] for one in plain["held_down_by"] if one in families]
    said = [texts[f"risk_{plain['distance']}"]]
    said.append(
        texts["held_down"].format(families=texts["separator"].join(names)) if names else texts["nothing"]
    )
    said += [texts[key] for key in ("hits", "silent") if plain[f"has_{_FLAGS[key]}"]]
    return ("" if language == "zh" else " ").join(said)


_FLAGS = {"hits": "hits", "silent": "silent_feeds"}
