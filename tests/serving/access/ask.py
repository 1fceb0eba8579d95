"""One request of the matrix, and what whoever may is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NONE = "0" * 32
"""A number that nothing has."""


@dataclass(frozen=True)
class Ask:
    """One request, what kind of doing it is, and what a caller who may is answered.

    `expected` gives the status for an area; `places` are where the things lie that the request is about.
    """

    method: str
    path: str
    kind: str
    route: str
    expected: Callable[[str | None], int]
    more: dict[str, Any]
