"""Label settings: which earlier horizons are told, and how the quality of the labels is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from training.errors import ExperimentError
from training.keys import check_section, number


@dataclass(frozen=True)
class OutlookSettings:
    """How the score is divided: `horizons` in months, in order, before the model's own.

    `folds` parts of the training households decide whether covariates are worth having; with fewer than
    `least_positives` identifications nothing but overall shares is learned.
    """

    horizons: tuple[int, ...] = (3, 6)
    folds: int = 5
    least_positives: int = 100


@dataclass(frozen=True)
class LabelQualitySettings:
    """A random visit's finding is missed when no identification follows within `grace_months`."""

    grace_months: int = 3


OUTLOOK_KEYS = ("horizons", "folds", "least_positives")
LABEL_QUALITY_KEYS = ("grace_months",)


def parse_outlook(raw: Any, horizon_months: int) -> OutlookSettings:
    """The section `outlook`; raises `ExperimentError` naming the key and its bounds.

    Without the key, those of 3 and 6 months that lie before the model's own horizon.
    """
    given = check_section("outlook", raw, OUTLOOK_KEYS)
    usual = OutlookSettings()
    months = given.get("horizons", [one for one in usual.horizons if one < horizon_months])
    if not isinstance(months, list):
        raise ExperimentError("outlook.horizons is a list of months")
    for one in months:
        number("outlook.horizons", one, 1, horizon_months - 1, is_whole=True)
    if sorted(set(months)) != months:
        raise ExperimentError("outlook.horizons: write the months in order, each once")
    return OutlookSettings(
        tuple(months),
        number("outlook.folds", given.get("folds", usual.folds), 2, 20, is_whole=True),
        number(
            "outlook.least_positives",
            given.get("least_positives", usual.least_positives),
            10,
            1_000_000,
            is_whole=True,
        ),
    )


def parse_label_quality(raw: Any) -> LabelQualitySettings:
    """The section `label_quality`; raises `ExperimentError` naming the key and its bounds."""
    given = check_section("label_quality", raw, LABEL_QUALITY_KEYS)
    usual = LabelQualitySettings()
    return LabelQualitySettings(
        number(
            "label_quality.grace_months", given.get("grace_months", usual.grace_months), 0, 24, is_whole=True
        )
    )
