"""What lives as long as the process is set aside from the collector of cycles, and is not kept for good."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from serving.heap import set_aside


class Knot:
    """Something that refers to itself: only the collector of cycles frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_there_is_looked_at_no_more() -> None:
    kept = Knot()
    set_aside()
    assert gc.get_freeze_count() > 0
    assert not any(one is kept for one in gc.get_objects())
    later = Knot()
    assert any(one is later for one in gc.get_objects())


def test_what_nobody_refers_to_goes_first() -> None:
    gone = weakref.ref(Knot())
    assert gone() is not None
    set_aside()
    assert gone() is None


def test_what_was_set_aside_goes_with_the_next_time() -> None:
    # As a model does that another took the place of.
    former = Knot()
    gone = weakref.ref(former)
    set_aside()
    del former
    gc.collect()
    assert gone() is not None
    set_aside()
    assert gone() is None
