"""Traces: of whom, where and when refused rows are, as far as that can be read.

A department can deliver one village in a form that nobody can read; by these it is noticed (`unread`).
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import ContractError
from features.regions import AREA_LEVELS, check_area_code
from features.signals.contract import OCCURRED_ON
from features.signals.sources import Given

SCHEMA = pa.schema({"household_id": pa.string(), "village": pa.string(), "day": pa.date32()})

_FROM = ("household_id", "village_code", OCCURRED_ON)
_VILLAGE = tuple(AREA_LEVELS)[-1]
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})")


def trace(given: Given, rows: Any) -> pa.Table:
    """The traces of these rows of a part, given by their numbers, with the columns of `SCHEMA`.

    A ragged line is read as it stands, though its cells may be shifted.
    """
    there = [one for one in _FROM if one in given.columns]
    texts = dict.fromkeys(_FROM, pa.nulls(len(rows), pa.string())) | given.as_text(rows, there)
    is_ragged = np.isin(rows, list(given.ragged))
    if is_ragged.any():
        places = [list(given.columns).index(one) for one in there]
        lines = (_cells(given.ragged[row].text, places) for row in rows[is_ragged].tolist())
        for name, cells in zip(there, zip(*lines, strict=True), strict=True):
            texts[name] = pc.replace_with_mask(texts[name], pa.array(is_ragged), pa.array(cells, pa.string()))
    household, village, day = texts.values()
    kinds = SCHEMA.types
    return pa.table(
        [household, _each(village, _village, kinds[1]), _each(day, _day, kinds[2])], schema=SCHEMA
    )


def _cells(line: str, places: list[int]) -> list[str | None]:
    try:
        cells = next(csv.reader([line]), [])
    except csv.Error:
        cells = []
    return [cells[place] if place < len(cells) else None for place in places]


def _each(texts: pa.Array, read: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """What each text is read as; a text that many rows have is read once."""
    words = texts.dictionary_encode()
    return pa.array([read(one) for one in words.dictionary.to_pylist()], kind).take(words.indices)


def _village(code: str) -> str | None:
    try:
        return check_area_code(code) if len(code) == _VILLAGE else None
    except ContractError:
        return None


def _day(text: str) -> dt.date | None:
    found = _DAY.match(text)
    if found is None:
        return None
    year, month, day = (int(one) for one in found.groups())
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
