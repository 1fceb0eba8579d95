"""Waves: the time column in its order, and what a household and its neighbours were a wave before.

Assumption, said wherever results are shown: the label of a row is settled by the household's next wave.
So the label of an earlier row is known at a later one, and no label of the test wave is ever a feature.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from training.errors import DataError
from training.panels.columns import Floats, infer_column

MOST_WAVES = 30
"""Dates with more different values are days of interviews: their years are the waves."""

MOST_TIMES, LEAST_OF_A_TIME = 200, 5
"""More different times, or so many that there are fewer rows of one on average, are moments and no waves."""


def read_waves(name: str, cells: pd.Series) -> tuple[Floats, dict[float, str]]:
    """The rank of each row's wave (0, 1, 2 …) and the names of the waves by rank.

    Numbers, dates and words with numbers in them ("2010-2013", "wave 2") have an order; so have the ordered
    value labels of a Stata file. Raises `DataError` where a row has no time or the order cannot be told.
    """
    missing = int(cells.isna().sum())
    if isinstance(cells.dtype, pd.CategoricalDtype) and cells.cat.ordered:
        keys = np.asarray(cells.cat.codes, dtype=np.float64)
        names = list(map(str, cells.cat.categories))
        return _ranked(name, keys, {float(at): one for at, one in enumerate(names)}, missing)
    column = infer_column(name, cells)
    missing = int(np.isnan(column.values).sum())
    if column.kind == "date":
        return _ranked(name, *_dated(column.values), missing)
    if column.kind == "category":
        return _ranked(name, *_worded(name, column.values, column.levels), missing)
    found = {value: f"{value:.12g}" for value in np.unique(column.values[~np.isnan(column.values)])}
    return _ranked(name, column.values, found, missing)


def _ranked(
    name: str, keys: Floats, names: dict[float, str], missing: int
) -> tuple[Floats, dict[float, str]]:
    if missing:
        raise DataError(
            f"{missing:,} rows have no {name!r} that can be read: every row of a panel needs its time"
        )
    order = np.unique(keys)
    if len(order) > MOST_TIMES or (len(order) > MOST_WAVES and len(keys) < LEAST_OF_A_TIME * len(order)):
        raise DataError(f"{name!r} has {len(order):,} different times: --time is a wave that many rows share")
    return np.searchsorted(order, keys).astype(np.float64), {
        float(at): names[key] for at, key in enumerate(order.tolist())
    }


def _dated(days: Floats) -> tuple[Floats, dict[float, str]]:
    dates = pd.to_datetime(days, unit="D")
    if len(np.unique(days[~np.isnan(days)])) > MOST_WAVES:
        years = dates.year.to_numpy(np.float64)
        return years, {year: f"{year:.0f}" for year in np.unique(years[~np.isnan(years)]).tolist()}
    return days, {
        day: f"{pd.Timestamp(day, unit='D'):%Y-%m-%d}" for day in np.unique(days[~np.isnan(days)]).tolist()
    }


def _worded(name: str, codes: Floats, levels: tuple[str, ...]) -> tuple[Floats, dict[float, str]]:
    keys = [_key(level) for level in levels]
    if not all(keys) or len(set(keys)) < len(keys):
        raise DataError(
            f"the waves in {name!r} have no order: write them as numbers, years or dates, such as 2010"
        )
    place = {code: float(sorted(keys).index(key)) for code, key in enumerate(keys)}
    ranks = np.array([np.nan if np.isnan(code) else place[int(code)] for code in codes], dtype=np.float64)
    return ranks, {place[code]: level for code, level in enumerate(levels)}


def _key(level: str) -> tuple[int, ...]:
    """The numbers of a wave's name, years first: ``01/2012`` comes after ``12/2011``."""
    found = re.findall(r"\d{1,9}", level)
    years = [one for one in found if re.fullmatch(r"(?:19|20)\d\d", one)]
    return tuple(map(int, years + [one for one in found if one not in years]))


def wave_before(values: pd.Series, households: pd.Series, waves: Floats) -> pd.Series:
    """Each row's value at the household's last earlier wave; missing where there is none."""
    order = np.argsort(waves, kind="stable")
    return values.iloc[order].groupby(households.iloc[order], sort=False).shift(1).reindex(values.index)


def wave_after(values: pd.Series, households: pd.Series, waves: Floats) -> pd.Series:
    """Each row's value at the household's next later wave; missing where there is none."""
    return wave_before(values, households, -waves)


def mean_before(values: pd.Series, households: pd.Series, waves: Floats) -> pd.Series:
    """Mean of a household's values over all its earlier waves, of those that are known."""
    order = np.argsort(waves, kind="stable")
    sorted_values, keys = values.iloc[order], households.iloc[order]
    known = sorted_values.notna().astype("float64").groupby(keys, sort=False).cumsum() - sorted_values.notna()
    total = sorted_values.fillna(0.0).groupby(keys, sort=False).cumsum() - sorted_values.fillna(0.0)
    return (total / known.where(known > 0)).reindex(values.index)


def mean_of_others(values: pd.Series, *keys: pd.Series) -> pd.Series:
    """Mean over the other rows of the same keys, the row's own value left out; missing where it is alone."""
    grouped = values.groupby(list(keys), sort=False)
    others = grouped.transform("count") - values.notna()
    return (grouped.transform("sum") - values.fillna(0.0)) / others.where(others > 0)
