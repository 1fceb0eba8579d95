"""Columns: what the cells of a column mean: numbers, yes and no, dates, codes or words.

Inferred from the cells alone, and the same for every row: a number may have a percent sign, a currency's
thousands separators or a decimal comma. A few cells that do not fit are taken as missing and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Kind = Literal["number", "code", "flag", "date", "category", "unusable"]

FITTING_SHARE = 0.95
"""A column is of a kind when this share of its cells fits it."""

MOST_CODES = 12
"""Integers with at most so many different values may be names as well as quantities."""

MISSING = frozenset({
    "",
    ".",
    "-",
    "--",
    "?",
    "na",
    "n/a",
    "#n/a",
    "nan",
    "null",
    "none",
    "nil",
    "missing",
    "<na>",
    "无数据",
    "缺失",
})
YES = frozenset({"yes", "y", "true", "t", "是", "有", "对"})
NO = frozenset({"no", "n", "false", "f", "否", "无", "没有", "不是"})
THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:[,\u00a0\u202f ]\d{3})+(?:\.\d+)?$")
DECIMAL_COMMA = re.compile(r"^[+-]?(?:\d+|\d{1,3}(?:[. \u00a0\u202f]\d{3})+),\d+$")
"""Also ``1.234,5``, where points or blanks part the thousands."""
POINT_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:[. \u00a0\u202f]\d{3})+$")
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y年%m月%d日",
)


@dataclass(frozen=True)
class Column:
    """One column as float64 with missing values.

    `levels` are the names of a category's codes, in the order of the codes. `misfits` counts cells that were
    there and fit the kind in no way.
    """

    name: str
    kind: Kind
    values: Floats
    levels: tuple[str, ...] = ()
    misfits: int = 0


def infer_column(name: str, cells: pd.Series) -> Column:
    """The column that these cells make; `unusable` where they are no plain values."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        if set(map(_fold, cells.cat.categories)) <= YES | NO:
            return _infer_text(name, cells.astype(object))
        return _category(name, cells.astype(object).map(str).where(cells.notna()), list(cells.cat.categories))
    if pd.api.types.is_bool_dtype(cells.dtype):
        return Column(name, "flag", _floats(cells))
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return Column(name, "date", _days(cells))
    if pd.api.types.is_numeric_dtype(cells.dtype):
        if pd.api.types.is_complex_dtype(cells.dtype):
            return Column(name, "unusable", np.full(len(cells), np.nan))
        return _number(name, _floats(cells), 0)
    if cells.dtype == object and any(
        isinstance(one, (list, dict, set, tuple, bytes, np.ndarray)) for one in cells
    ):
        return Column(name, "unusable", np.full(len(cells), np.nan))
    return _infer_text(name, cells)


def _infer_text(name: str, cells: pd.Series) -> Column:
    text = cells.where(cells.notna(), "").map(str).str.strip()
    is_missing = text.str.lower().isin(MISSING)
    present = text[~is_missing]
    if present.empty:
        return Column(name, "category", np.full(len(cells), np.nan))
    # A list: pandas hands out the texts of a column one by one, and slowly.
    distinct = present.unique().tolist()
    if all(_fold(one) in YES | NO for one in distinct):
        answers = {one: float(_fold(one) in YES) for one in distinct}
        return Column(name, "flag", text.map(answers).to_numpy(np.float64))
    numbers = dict(zip(distinct, _numbers(distinct), strict=True))
    values = present.map(numbers)
    fitting = float(values.notna().mean())
    if fitting >= FITTING_SHARE:
        found = text.map(numbers).where(~is_missing).to_numpy(np.float64)
        return _number(name, found, int(values.isna().sum()))
    dates = _parse_dates(present)
    if dates is not None:
        days = np.full(len(cells), np.nan)
        days[(~is_missing).to_numpy()] = _days(dates)
        return Column(name, "date", days, misfits=int(dates.isna().sum()))
    return _category(name, text.where(~is_missing), sorted(distinct))


def _numbers(distinct: list[str]) -> Floats:
    """Different texts as numbers; the quick way where each is one that can be read in one way only."""
    if not any("_" in one for one in distinct):
        try:
            values = np.array(distinct, dtype=object).astype(np.float64)
            return np.where(np.isfinite(values), values, np.nan)
        except ValueError:
            pass
    is_comma_decimal = has_decimal_commas(distinct)
    return np.array([parse_number(one, is_comma_decimal=is_comma_decimal) for one in distinct], np.float64)


def has_decimal_commas(distinct: Iterable[str]) -> bool:
    """Whether a column's commas are decimal ones: some cell can be read in no other way.

    Decided for the whole column: beside ``3,5`` and ``0,125`` the cell ``1,234`` is no thousand.
    """
    cells = [one.strip().removesuffix("%").strip() for one in distinct]
    commas = [one for one in cells if DECIMAL_COMMA.match(one)]
    only = [one for one in commas if not THOUSANDS.match(one) or one.lstrip("+-").startswith("0")]
    return bool(only) and not any("," in one and THOUSANDS.match(one) and "." in one for one in cells)


def parse_number(text: str, *, is_comma_decimal: bool = False) -> float:
    """The number of a cell, NaN where it is none: ``1,234.5``, ``12 %``, ``3,5``. Infinities are none.

    Where `is_comma_decimal`, ``1,234`` is 1.234 and a point between groups of three parts thousands.
    """
    found = text.strip()
    scale = 1.0
    if found.endswith("%"):
        found, scale = found[:-1].strip(), 0.01
    if is_comma_decimal and DECIMAL_COMMA.match(found):
        found = re.sub("[.\u00a0\u202f ]", "", found).replace(",", ".")
    elif is_comma_decimal and POINT_THOUSANDS.match(found):
        found = re.sub("[.\u00a0\u202f ]", "", found)
    elif THOUSANDS.match(found):
        found = re.sub("[,\u00a0\u202f ]", "", found)
    elif DECIMAL_COMMA.match(found):
        found = re.sub("[.\u00a0\u202f ]", "", found).replace(",", ".")
    if "_" in found:
        return np.nan
    try:
        value = float(found) * scale
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _number(name: str, values: Floats, misfits: int) -> Column:
    infinite = np.isinf(values)
    found = np.where(infinite, np.nan, values)
    distinct = np.unique(found[~np.isnan(found)])
    whole = bool(np.all(distinct == np.round(distinct)))
    kind: Kind = "number"
    if len(distinct) and set(distinct) <= {0.0, 1.0}:
        kind = "flag"
    elif whole and 3 <= len(distinct) <= MOST_CODES:
        kind = "code"
    return Column(name, kind, found, misfits=misfits + int(infinite.sum()))


def _category(name: str, words: pd.Series, levels: list[object]) -> Column:
    names = [str(one) for one in levels]
    codes = pd.Categorical(words, categories=list(dict.fromkeys(names))).codes.astype(np.float64)
    return Column(name, "category", np.where(codes < 0, np.nan, codes), tuple(dict.fromkeys(names)))


def _parse_dates(present: pd.Series) -> pd.Series | None:
    counts = present.value_counts()
    for form in DATE_FORMATS:
        parsed = pd.to_datetime(pd.Series(counts.index, index=counts.index), format=form, errors="coerce")
        if counts[parsed.notna()].sum() >= FITTING_SHARE * len(present):
            return present.map(parsed)
    return None


def _days(dates: pd.Series) -> Floats:
    naive = dates.dt.tz_localize(None) if getattr(dates.dt, "tz", None) is not None else dates
    since = (naive - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    return np.floor(since.to_numpy(np.float64, na_value=np.nan))


def _floats(cells: pd.Series) -> Floats:
    return np.asarray(cells.astype("float64").to_numpy(na_value=np.nan), dtype=np.float64)


def _fold(text: object) -> str:
    return str(text).strip().lower()
