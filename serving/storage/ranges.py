"""Ranges of area codes: an index is read by them, as it is not by a comparison of prefixes."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from features.regions import AREA_LEVELS

_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Of area codes, in an order that every collation of a database agrees on."""


def inside(prefix: str | None, column: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Conditions on the code of a village that an index is read by; none for everywhere or nowhere.

    They keep nothing out that lies inside. What lies outside is kept out by the scope's own condition, which
    stands beside them.
    """
    if not prefix:
        return []
    if len(prefix) == max(AREA_LEVELS):
        return [column == prefix]
    end = next_code(prefix)
    return [column >= prefix] if end is None else [column >= prefix, column < end]


def next_code(prefix: str) -> str | None:
    """The least text after all codes that begin with `prefix`; `None` where there is none."""
    body = prefix.rstrip(_CHARACTERS[-1])
    at = _CHARACTERS.find(body[-1]) if body else -1
    return None if at < 0 else body[:-1] + _CHARACTERS[at + 1]
