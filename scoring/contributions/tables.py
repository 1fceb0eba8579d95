"""Tables: a model's groups as flat arrays, with the contributions of every pattern worked out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.contributions.filling import fill_side
from scoring.contributions.groups import LANES, Group, Side
from scoring.contributions.memory import aligned_empty
from scoring.contributions.trees import Flags, Floats, Integers


class Tables(NamedTuple):
    """Everything the kernel reads of a model's groups; the field names are those of the stored file.

    Sides of groups with one side come first (`singles` of them), then pairs. Side s has patterns of two
    bytes where `wide[s]`. They are made by the conditions `condition_first[s]` to `condition_first[s + 1]`,
    of which those before `condition_high[s]` make the low byte, and by the lookups `lookup_first[s]` to
    `lookup_first[s + 1]`, of which the l-th has its flips by code from `flip_first[l]`. It has `lanes[s]`
    times four padded features in `slot` from `slot_first[s]`, and a table in `values` from `table_first[s]`,
    with `stride[s]` numbers a pattern. `order[s]` is 0 for a single side.
    """

    wide: Flags
    condition_first: Integers
    condition_high: Integers
    condition_slot: npt.NDArray[np.int32]
    condition_start: npt.NDArray[Any]
    condition_span: npt.NDArray[Any]
    condition_bit: npt.NDArray[np.uint8]
    lookup_first: Integers
    lookup_slot: npt.NDArray[np.int32]
    lookup_high: Flags
    flip_first: Integers
    flips: npt.NDArray[np.uint8]
    lanes: Integers
    slot_first: Integers
    slot: npt.NDArray[np.int32]
    table_first: Integers
    stride: Integers
    order: Integers
    values: Floats
    singles: int


def build_tables(groups: Sequence[Group], spare: int, code: type[np.uint8] | type[np.uint16]) -> Tables:
    """Work out the tables; `spare` is the slot that padding is added to."""
    singles = [(one.sides[0], 0) for one in groups if len(one.sides) == 1]
    doubles = [(side, one.order) for one in groups if len(one.sides) == 2 for side in one.sides]
    sides = singles + doubles
    conditions = [side.conditions for side, _ in sides]
    flat = list(chain.from_iterable(conditions))
    lookups = [one for side, _ in sides for one in side.lookups]
    first = _starts(map(len, conditions))
    low = [sum(one.bit < 8 for one in some) for some in conditions]
    slots = [(*side.slots, *[spare] * (-len(side.slots) % LANES)) for side, _ in sides]
    strides = [side.stride(order) for side, order in sides]
    table_first = _starts(stride << side.bits for stride, (side, _) in zip(strides, sides, strict=True))
    values: Floats = aligned_empty((int(table_first[-1]),), np.float64)
    values[:] = 0.0
    for at, (side, order) in enumerate(sides):
        group_order = order or max(-(-len(members) // 2) for _, members in side.leaves)
        points, weights = np.polynomial.legendre.leggauss(max(group_order, 1))
        is_first = order > 0 and (at - len(singles)) % 2 == 0
        _fill(
            values[table_first[at] : table_first[at + 1]],
            side,
            strides[at],
            order,
            (points + 1) / 2,
            np.ones(group_order) if is_first else weights / 2,
        )
    return Tables(
        wide=np.array([side.bits > 8 for side, _ in sides], dtype=bool),
        condition_first=first,
        condition_high=first[:-1] + np.array(low, dtype=np.int64),
        condition_slot=np.array([one.slot for one in flat], dtype=np.int32),
        condition_start=np.array([one.start for one in flat], dtype=code),
        condition_span=np.array([one.span for one in flat], dtype=code),
        condition_bit=np.array([1 << (one.bit & 7) for one in flat], dtype=np.uint8),
        lookup_first=_starts(len(side.lookups) for side, _ in sides),
        lookup_slot=np.array([one.slot for one in lookups], dtype=np.int32),
        lookup_high=np.array([one.high for one in lookups], dtype=bool),
        flip_first=_starts(len(one.flips) for one in lookups),
        # Writable, as what is read from the store is: kernels are compiled for one or the other.
        flips=np.frombuffer(bytearray(b"".join(one.flips for one in lookups)), dtype=np.uint8),
        lanes=np.array([len(one) // LANES for one in slots], dtype=np.int64),
        slot_first=_starts(map(len, slots)),
        slot=np.array(list(chain.from_iterable(slots)), dtype=np.int32),
        table_first=table_first,
        stride=np.array(strides, dtype=np.int64),
        order=np.array([order for _, order in sides], dtype=np.int64),
        values=values,
        singles=len(singles),
    )


def _fill(table: Floats, side: Side, stride: int, order: int, points: Floats, weights: Floats) -> None:
    members = [one for _, some in side.leaves for one in some]
    fill_side(
        table,
        side.bits,
        stride,
        order,
        -(-len(side.slots) // LANES) * LANES,
        points,
        weights,
        np.array([value for value, _ in side.leaves]),
        _starts(len(some) for _, some in side.leaves),
        np.array([one.place for one in members], dtype=np.int64),
        np.array([one.shift for one in members], dtype=np.int64),
        np.array([(1 << one.width) - 1 for one in members], dtype=np.int64),
        np.array([one.accepted for one in members], dtype=np.uint64),
        np.array([one.share for one in members], dtype=np.float64),
    )


def _starts(sizes: Any) -> Integers:
    return np.cumsum([0, *sizes], dtype=np.int64)
