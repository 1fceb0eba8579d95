"""Usual values: the median of each feature in a village and in its township, as a batch found it.

A value says little by itself: 3,000 yuan of bills are many in one village and few in another. The batch,
which knows every vector of the day, works the medians out once; whoever answers for one household looks them
up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from features.definitions import FEATURES
from features.neighbourhood import LEAST_HOUSEHOLDS
from features.regions import AREA_LEVELS

TOWN_DIGITS = next(digits for digits, level in AREA_LEVELS.items() if level == "township")


@dataclass(frozen=True)
class UsualValues:
    """The usual values of one area on one date: feature → median over its households with a known value.

    A feature of yes and no has the answer of more than half. Features that fewer than `LEAST_HOUSEHOLDS`
    households have a value of are left out.
    """

    area_code: str
    as_of: dt.date
    medians: Mapping[str, float]


@dataclass(frozen=True)
class UsualHere:
    """What is usual around one household: in its village and in its township."""

    village: Mapping[str, float] = field(default_factory=dict)
    town: Mapping[str, float] = field(default_factory=dict)


def town_of(village_code: str) -> str | None:
    """The code of the township a village lies in; `None` where the code names nothing below it."""
    return village_code[:TOWN_DIGITS] if len(village_code) > TOWN_DIGITS else None


def usual_values(vectors: pd.DataFrame, villages: Sequence[str], as_of: dt.date) -> list[UsualValues]:
    """The usual values of every village and township of a date.

    `vectors` has a row a household and a column a feature (NaN where missing), `villages` the village of
    each row.
    """
    places = pd.Series(list(villages), index=vectors.index, dtype="string")
    towns = places.map(lambda code: town_of(code) or pd.NA)
    return [*_medians(vectors, places, as_of, "village"), *_medians(vectors, towns, as_of, "township")]


def usual_here(found: Mapping[str, UsualValues], village_code: str) -> UsualHere:
    """What is usual around a household, from the values of areas by their code."""
    village, town = found.get(village_code), found.get(town_of(village_code) or "")
    return UsualHere(village.medians if village else {}, town.medians if town else {})


def _medians(
    vectors: pd.DataFrame, places: pd.Series[str], as_of: dt.date, level: str
) -> Iterator[UsualValues]:
    # What is one value for the whole village is no news beside itself.
    told = [
        str(name)
        for name in vectors.columns
        if level != "village" or set(FEATURES[str(name)].feeds) != {"neighbourhood"}
    ]
    groups = vectors[told].groupby(places.to_numpy(), sort=True)
    medians, known = groups.median(), groups.count()
    for name in told:
        if FEATURES[name].unit == "yes/no":
            medians[name] = (medians[name] > 0.5).astype("float64")
    enough = known >= LEAST_HOUSEHOLDS
    for area, values, is_enough in zip(medians.index, medians.to_numpy(), enough.to_numpy(), strict=True):
        kept = {
            name: value
            for name, value, enough_known in zip(told, values.tolist(), is_enough.tolist(), strict=True)
            if enough_known
        }
        if kept:
            yield UsualValues(str(area), as_of, kept)
