"""Cells as they came: whether one is empty, a text or a whole number, in whatever kind a file keeps it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa


def is_missing(value: object) -> bool:
    """Whether a cell is empty: None, an empty text, or the NaN, NaT or NA of a frame."""
    if isinstance(value, str):
        return value == ""
    if isinstance(value, Decimal):
        return value.is_nan()
    # NaN and NaT differ from themselves.
    return value is None or value is pd.NA or (isinstance(value, float | dt.datetime) and value != value)


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_whole(number: int | float | Decimal) -> bool:
    """Whether a number has no fraction; one that is not finite is none."""
    if isinstance(number, Decimal):
        return number.is_finite() and number == number.to_integral_value()
    return isinstance(number, int) or number.is_integer()


def is_int64(kind: pa.DataType) -> bool:
    """Whether every number of an Arrow type is a whole one that fits into 64 bits, whatever it is kept in."""
    if pa.types.is_decimal128(kind):
        return bool(kind.scale == 0 and kind.precision <= 18)
    return bool(pa.types.is_integer(kind) and kind != pa.uint64())
