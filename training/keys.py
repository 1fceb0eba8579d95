"""Keys of an experiment file: what is unknown is refused with what is allowed, and with the nearest of it."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection, Mapping
from typing import Any

from training.errors import ExperimentError

FIRST_YEAR, LAST_YEAR = 1950, 2150
"""Other years are slips of the pen, and a horizon may not reach the end of the calendar."""


def check_section(
    where: str, raw: Any, allowed: Collection[str], required: Collection[str] = ()
) -> dict[str, Any]:
    """The settings of one section; raises `ExperimentError` for other keys, or a section that has none."""
    if not isinstance(raw, dict):
        raise ExperimentError(f"{where} holds settings by name: {', '.join(sorted(allowed))}")
    unknown = sorted(str(key) for key in raw if key not in allowed)
    missing = sorted(set(required) - set(raw))
    if unknown or missing:
        said = [f"unknown: {', '.join(_with_nearest(one, allowed) for one in unknown)}"] if unknown else []
        said += [f"missing: {', '.join(missing)}"] if missing else []
        raise ExperimentError(f"{where}: {'; '.join(said)}. Allowed are {', '.join(sorted(allowed))}")
    return raw


def check_name(where: str, raw: Any, allowed: Collection[str]) -> str:
    """One of the allowed names; raises `ExperimentError` naming them and the nearest."""
    if not isinstance(raw, str) or raw not in allowed:
        raise ExperimentError(
            f"{where} has {_with_nearest(str(raw), allowed)}. Allowed are {', '.join(sorted(allowed))}"
        )
    return raw


def number(where: str, raw: Any, least: float, most: float, *, is_whole: bool) -> Any:
    """A number within bounds, both included; raises `ExperimentError` naming them."""
    right = isinstance(raw, int) if is_whole else isinstance(raw, int | float)
    # Compared as it is: an int of a thousand digits becomes no float.
    if not right or isinstance(raw, bool) or not least <= raw <= most:
        kind = "whole number" if is_whole else "number"
        raise ExperimentError(f"{where} is a {kind} from {least} to {most}")
    return raw


def dates(key: str, raw: Any) -> tuple[dt.date, ...]:
    """As-of dates in order, each once."""
    if not isinstance(raw, list) or not raw or not all(type(one) is dt.date for one in raw):
        raise ExperimentError(f"{key} is a list of as-of dates, each written YYYY-MM-DD")
    if not all(FIRST_YEAR <= one.year <= LAST_YEAR for one in raw):
        raise ExperimentError(f"{key} holds dates from {FIRST_YEAR} to {LAST_YEAR}")
    if sorted(set(raw)) != raw:
        raise ExperimentError(f"{key}: write the dates in order, each once")
    return tuple(raw)


def flag(where: str, raw: Any) -> bool:
    """Yes or no; raises `ExperimentError` for anything else."""
    if not isinstance(raw, bool):
        raise ExperimentError(f"{where} is true or false")
    return raw


def area_codes(where: str, raw: Any, lengths: Mapping[int, str]) -> tuple[str, ...]:
    """Area codes, written as text; raises `ExperimentError` for others.

    A code without quotes is read by YAML as a number, and codes with a leading zero as another one.
    """
    if not isinstance(raw, list) or not raw:
        raise ExperimentError(f"{where} is a list of area codes")
    for one in raw:
        if not isinstance(one, str) or len(one) not in lengths or not one.isalnum():
            sizes = ", ".join(f"{length} ({level})" for length, level in lengths.items())
            raise ExperimentError(f"{where} holds area codes in quotes, of one of these lengths: {sizes}")
    return tuple(raw)


def _with_nearest(given: str, allowed: Collection[str]) -> str:
    near = difflib.get_close_matches(given, allowed, n=1)
    return f"{given} (did you mean {near[0]}?)" if near else given
