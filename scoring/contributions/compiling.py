"""Compiling: numba with its cache where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy"}


def inlined(function: _Function) -> _Function:
    """Compile into every caller: for functions that take less time than handing over their arguments."""
    made: _Function = numba.njit(inline="always", **_OPTIONS)(function)
    return made


def compiled(function: _Function) -> _Function:
    """Compile at the first call, without holding the interpreter's lock while running.

    The machine code is kept beside the module or in the user's cache folder; where neither can be written
    it is made anew in each process.
    """
    try:
        made = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no folder for its cache
        made = numba.njit(**_OPTIONS)(function)
    return made  # type: ignore[no-any-return]
