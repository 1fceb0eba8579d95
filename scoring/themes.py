"""Themes: which of the four things watched on the line (线) a household's risk belongs to, and what is none.

产业 production, 就业 work, 重病 illness, 意外 accident with disaster; every other cause is `other`. Which
cause belongs to which theme is policy (`reason_codes`, DOMAIN §2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from features import policy_value
from scoring.lines import Lines

Floats = npt.NDArray[np.float64]

OTHER = "other"
THEMES = ("production", "employment", "illness", "accident", OTHER)


class ThemeShares(BaseModel):
    """A multinomial logistic model: a line for each theme, in the order of `themes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    themes: tuple[str, ...] = THEMES
    lines: Lines

    @model_validator(mode="after")
    def _known(self) -> ThemeShares:
        if self.themes != THEMES:
            raise ValueError(f"themes are {', '.join(THEMES)}, in this order")
        if len(self.lines.intercepts) != len(self.themes):
            raise ValueError("every theme has one line")
        return self

    def shares(self, matrix: Floats, feature_names: Sequence[str], log_odds: Floats) -> Floats:
        """P(theme | identified) of n households, (n, themes); a row adds up to 1 but for rounding."""
        lines = self.lines.values(matrix, feature_names, log_odds)
        highest = lines[0]
        for one in lines[1:]:
            highest = np.maximum(highest, one)
        weights = [np.exp(one - highest) for one in lines]
        total = weights[0]
        for one in weights[1:]:
            total = total + one
        return np.stack([one / total for one in weights], axis=1)


def split_exactly(scores: Floats, shares: Floats) -> Floats:
    """Scores (n,) split by shares (n, k): added in any order, the parts give the score to the last bit.

    Every part is a whole number of the score's own last binary place; what rounding leaves over goes to the
    largest share.
    """
    place = np.spacing(scores)
    whole = scores / place
    parts = np.floor(shares * whole[:, None])
    largest = shares.argmax(axis=1)
    rows = np.arange(len(scores))
    parts[rows, largest] = 0.0
    parts[rows, largest] = whole - parts.sum(axis=1)
    return np.asarray(parts * place[:, None])


@cache
def theme_of_cause(code: str, region: str, on: dt.date) -> str:
    """The theme of an official cause code, of its first two digits; `other` for a code of no theme.

    Raises `PolicyError` for a region or date without codes.
    """
    known = policy_value("reason_codes", region, on).value
    theme = known.get(code[:2], {}).get("theme")
    return str(theme) if theme in THEMES else OTHER
