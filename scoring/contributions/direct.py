"""Leaves without tables: contributions by quadrature for each row.

For the few leaves whose path has too many features for two patterns, and for all of them where memory for
tables is short. About ten times slower than tables, and still many rows at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.contributions.coding import Bytes, Codes, flip_bit
from scoring.contributions.compiling import compiled
from scoring.contributions.groups import quadrature_order
from scoring.contributions.paths import Atoms, Path
from scoring.contributions.trees import Floats, Integers


class Leaves(NamedTuple):
    """Leaf l has items `item_first[l]` to `item_first[l + 1]`, quadrature points from `point_first[l]`.

    Item i is met where the slot's code is in one of the ranges `range_first[i]` to `range_first[i + 1]`.
    """

    value: Floats
    item_first: Integers
    point_first: Integers
    points: Floats
    weights: Floats
    item_slot: Integers
    item_share: Floats
    range_first: Integers
    range_start: npt.NDArray[Any]
    range_span: npt.NDArray[Any]


def lay_out_leaves(
    alone: Sequence[tuple[Path, Mapping[int, Atoms]]], top: int, code: type[np.uint8] | type[np.uint16]
) -> Leaves:
    """Paths with the atoms of their trees as flat arrays; `top` is one more than the largest code."""
    items = [(slot, item, atoms) for path, atoms in alone for slot, item in path.items.items()]
    ranges = [atoms[slot].ranges(mask) for slot, (mask, _), atoms in items]
    flat = list(chain.from_iterable(ranges))
    order = [quadrature_order(len(path.items)) for path, _ in alone]
    rules = [np.polynomial.legendre.leggauss(one) for one in order]
    nothing = [np.zeros(0)]
    return Leaves(
        value=np.array([path.value for path, _ in alone], dtype=np.float64),
        item_first=_starts([len(path.items) for path, _ in alone]),
        point_first=_starts(order),
        points=(np.concatenate([*[points for points, _ in rules], *nothing]) + 1) / 2,
        weights=np.concatenate([*[weights for _, weights in rules], *nothing]) / 2,
        item_slot=np.array([slot for slot, _, _ in items], dtype=np.int64),
        item_share=np.array([share for _, (_, share), _ in items], dtype=np.float64),
        range_first=_starts([len(one) for one in ranges]),
        range_start=np.array([first for first, _ in flat], dtype=code),
        range_span=np.array([(last - first) % top for first, last in flat], dtype=code),
    )


def _starts(sizes: Sequence[int]) -> Integers:
    return np.cumsum([0, *sizes], dtype=np.int64)


@compiled
def add_leaves(
    leaves: Leaves, codes: Codes, count: int, sums: Floats, pitch: int, met: Bytes, product: Floats
) -> None:
    """Add every leaf's contributions of a block to `sums`, (slots + 1 spare) × `pitch` as one row.

    `met` is scratch of (most items, rows), `product` of (rows,).
    """
    for leaf in range(len(leaves.value)):
        begin, end = leaves.item_first[leaf], leaves.item_first[leaf + 1]
        for item in range(begin, end):
            flags = met[item - begin]
            flags[:count] = 0
            row_codes = codes[leaves.item_slot[item]]
            for one in range(leaves.range_first[item], leaves.range_first[item + 1]):
                start, span = leaves.range_start[one], leaves.range_span[one]
                flip_bit(row_codes, start, span, np.uint8(1), count, flags)
        for at in range(leaves.point_first[leaf], leaves.point_first[leaf + 1]):
            point = leaves.points[at]
            product[:count] = leaves.value[leaf] * leaves.weights[at]
            for item in range(begin, end):
                without = (1.0 - point) * leaves.item_share[item]
                flags = met[item - begin]
                for row in range(count):
                    product[row] *= without + point if flags[row] else without
            for item in range(begin, end):
                share = leaves.item_share[item]
                when_met = (1.0 - share) / ((1.0 - point) * share + point)
                when_not = -1.0 / (1.0 - point)
                flags = met[item - begin]
                place = leaves.item_slot[item] * pitch
                for row in range(count):
                    sums[place + row] += product[row] * (when_met if flags[row] else when_not)
