"""Cells as departments really send them, and worse."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

TEXTS = (
    "",
    " ",
    " 12000 ",
    "12000",
    "1_000",
    "1,000",
    "0x10",
    "１２０００",
    "٣",
    "1e3",
    "1E400",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "-5",
    "-0",
    "+5",
    "007",
    "007.50",
    "5.",
    ".5",
    "0.1",
    "0.005",
    "12.345",
    "-0.00",
    "10000000",
    "10000000.01",
    "999999999999",
    "9999999999999",
    "2024-02-29",
    "2023-02-29",
    "2024-02-30",
    "2024-2-3",
    "20240203",
    "2024-02-03T00:00:00",
    "2024-02-03 ",
    "1899-12-31",
    "1900-01-01",
    "2100-12-31",
    "2101-01-01",
    "0000-01-01",
    "9999-12-31",
    "２０２４-02-03",
    "-024-02-03",
    "true",
    "True",
    "TRUE",
    "1",
    "0",
    "yes",
    "none",
    "wages",
    "Wages",
    "wages ",
    "flood",
    "500299001001",
    "500299001001,",
    "50029900100a",
    "M1",
    "M1\n",
    "M1\x00",
    "M-_1",
    "m" * 64,
    "m" * 65,
    "张三",
    "NULL",
    "None",
    "<NA>",
    "'; DROP TABLE h; --",
    "\ufeffM1",
)
"""Text that a file can hold."""

FLOATS = (
    0.0,
    -0.0,
    1.5,
    0.1 + 0.2,
    12.34,
    12.345,
    1e400,
    -1e400,
    float("nan"),
    1e22,
    1e-320,
    9999999.99,
    1e7,
    10000000.01,
    2.0**53,
    -1.0,
)
INTEGERS = (0, 1, -1, 4, 5, 100, 101, 10**6, 10**6 + 1, 10**7, 10**7 + 1, 2**31, 2**53 + 1, 2**62)
DATES = (
    dt.date(2024, 2, 29),
    dt.date(1899, 12, 31),
    dt.date(1900, 1, 1),
    dt.date(2100, 12, 31),
    dt.date(2101, 1, 1),
    dt.date(1, 1, 1),
    dt.date(9999, 12, 31),
)
NOON = dt.datetime(2024, 2, 29, 12)
OBJECTS: tuple[Any, ...] = (
    None,
    True,
    False,
    10**400,
    -(10**19),
    NOON,
    dt.datetime(2024, 2, 29),
    pd.NaT,
    pd.NA,
    pd.Timestamp("2024-02-29"),
    NOON.replace(tzinfo=dt.UTC),
    dt.time(1),
    dt.timedelta(1),
    Decimal("12.30"),
    Decimal("12.345"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1E+999999"),
    Decimal("1E-999999"),
    Decimal("12000.0000000000000000000000000000001"),
    Decimal(5),
    b"12",
    b"\xff",
    "\ud800",
    1j,
    [],
    [1],
    {},
    {"a": 1},
    (1,),
    object,
    np.int64(5),
    np.float64(1.5),
    np.float32(0.1),
    np.bool_(True),
    np.array([1, 2]),
    np.array([]),
)
"""What rows from Python or JSON can hold besides."""


def cells() -> st.SearchStrategy[Any]:
    pools = (TEXTS, TEXTS, FLOATS, INTEGERS, DATES, OBJECTS)
    return st.one_of(*(st.sampled_from(pool) for pool in pools), st.text(max_size=8))


def texts() -> st.SearchStrategy[str]:
    """Text cells that stay one cell and one line of a CSV file."""
    return st.sampled_from([one for one in TEXTS if "\n" not in one])


@st.composite
def arrow_columns(draw: st.DrawFn, size: int) -> pa.Array:
    """A column of one Arrow type, as a Parquet file delivers it, with hostile values and gaps."""
    kind, pool = draw(st.sampled_from(_TYPED))
    return pa.array(draw(st.lists(st.none() | st.sampled_from(pool), min_size=size, max_size=size)), kind)


def _fits(kind: pa.DataType, pool: tuple[Any, ...]) -> tuple[pa.DataType, list[Any]]:
    fitting = []
    for value in pool:
        try:
            pa.array([value], kind)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            continue
        fitting.append(value)
    return kind, fitting


_STAMPS = (NOON, dt.datetime(2024, 2, 29), dt.datetime(1900, 1, 1), dt.datetime(2024, 2, 29, 0, 0, 0, 1))
_TYPED = [
    *(_fits(kind, TEXTS) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    _fits(pa.dictionary(pa.int8(), pa.string()), TEXTS),
    _fits(pa.binary(), (b"", b"12", b"\xff")),
    *(
        _fits(kind, (*INTEGERS, 2**64 - 5))
        for kind in (pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64())
    ),
    *(_fits(kind, FLOATS) for kind in (pa.float16(), pa.float32(), pa.float64())),
    _fits(pa.bool_(), (True, False)),
    _fits(pa.decimal128(38, 4), tuple(Decimal(one) for one in ("0", "12.3", "12.345", "-1", "1e30"))),
    _fits(pa.decimal256(60, 30), (Decimal("12.3"), Decimal("12." + "0" * 29 + "1"))),
    _fits(pa.date32(), DATES),
    _fits(pa.date64(), DATES),
    *(_fits(pa.timestamp(unit), (*_STAMPS, dt.datetime(9999, 1, 1))) for unit in ("s", "ms", "us", "ns")),
    (pa.timestamp("s"), [2**40, -(2**40)]),
    (pa.date32(), [2**31 - 1, -(2**31)]),
    _fits(pa.timestamp("us", "Asia/Shanghai"), _STAMPS),
    (pa.duration("s"), [0, 2**60]),
    (pa.time32("s"), [0, 1]),
    (pa.null(), [None]),
    (pa.list_(pa.int64()), [[], [1]]),
    (pa.struct([("a", pa.int64())]), [{"a": 1}]),
]
