"""Where a page of a list ended, as a client is given it: a text that it hands back as it is."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

Kind = type[str] | type[int] | type[dt.date]

_LONGEST = 400


def write_mark(*values: str | int | dt.date) -> str:
    """The mark of the last item's place in its order."""
    said = [one.isoformat() if isinstance(one, dt.date) else one for one in values]
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def read_mark(text: str, kinds: Sequence[Kind]) -> tuple[Any, ...]:
    """The inverse of `write_mark` for values of these kinds; raises `ValueError` for anything else."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(said, list) or len(said) != len(kinds):
            raise ValueError
        made = tuple(_value(one, kind) for one, kind in zip(said, kinds, strict=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValueError("no mark of a page") from None
    # Many texts are decoded alike; one alone is what was given out.
    if write_mark(*made) != text:
        raise ValueError("no mark of a page")
    return made


def _value(given: Any, kind: Kind) -> Any:
    if kind is int:
        if type(given) is not int or not -(2**63) <= given < 2**63:
            raise ValueError
        return given
    if type(given) is not str or "\0" in given or any("\ud800" <= one <= "\udfff" for one in given):
        raise ValueError
    return given if kind is str else dt.date.fromisoformat(given)
