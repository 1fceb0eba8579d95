"""Compiling: numba with its cache where there is a place for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import numba
from numba import config
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOCK = RLock()
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
    # Kernels are imported by whoever needs them first, in any thread.
    with _LOCK:
        former = config.CACHE_LOCATOR_CLASSES
        config.CACHE_LOCATOR_CLASSES = former or _LOCATORS
        try:
            made = numba.njit(cache=True, **_OPTIONS)(function)
        except RuntimeError:  # numba found no folder for its cache
            made = numba.njit(**_OPTIONS)(function)
        finally:
            config.CACHE_LOCATOR_CLASSES = former
    return made  # type: ignore[no-any-return]


@cache
def _kernel_sources() -> str:
    """A hash of all files of `scoring` that compile anything."""
    here = Path(__file__).parent
    texts = (one.read_bytes() for folder in (here.parent, here) for one in sorted(folder.glob("*.py")))
    told = hashlib.sha256()
    for text in texts:
        if b"numba" in text or b"compiling" in text:
            told.update(hashlib.sha256(text).digest())
    return told.hexdigest()


class _OfAllKernels:
    """Kept machine code is of the sources as they are: numba itself looks at the file of the function that is
    called alone, and would go on with what another file was before an update in place."""

    def get_source_stamp(self) -> tuple[Any, str]:
        return super().get_source_stamp(), _kernel_sources()  # type: ignore[misc]  # of the class beside it


class InGivenFolder(_OfAllKernels, UserProvidedCacheLocator):  # type: ignore[misc]  # numba has no types
    """In the folder of `NUMBA_CACHE_DIR`."""


class BesideModule(_OfAllKernels, InTreeCacheLocator):  # type: ignore[misc]
    """In the folder of the module's own compiled code."""


class OfUser(_OfAllKernels, UserWideCacheLocator):  # type: ignore[misc]
    """In the user's cache folder."""


_LOCATORS = ",".join(f"{__name__}.{one.__name__}" for one in (InGivenFolder, BesideModule, OfUser))
