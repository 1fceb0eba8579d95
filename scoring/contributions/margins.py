"""Margins: the trees' leaf values, summed in LightGBM's order and so equal to its own to the last bit.

Each tree's leaves are numbered from left to right as bits of a word. A node that sends a row right rules out
the leaves on its left; the lowest bit left over is the row's leaf (QuickScorer; Lucchese et al. 2015, SIGIR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.contributions.bins import Bins
from scoring.contributions.coding import Bytes, Codes, flip_bit
from scoring.contributions.compiling import compiled
from scoring.contributions.groups import MOST_RANGES
from scoring.contributions.lanes import lowest_bit
from scoring.contributions.paths import find_atoms
from scoring.contributions.trees import Floats, Forest, Integers, Tree

Words = npt.NDArray[np.uint64]

_WORD = 64
_ALL = (1 << _WORD) - 1

PART = 512
"""Rows whose words stay in the nearest cache while a tree's nodes pass over them."""


class Verdicts(NamedTuple):
    """Tree t has nodes `node_first[t]` to `node_first[t + 1]` and leaf values from `leaf_first[t]`.

    Those before `node_asked[t]` send a row left where code − `start[n]`, wrapped around, is at most
    `span[n]`; the others where `asked` holds 1 for the code, from `asked_first[n]` up to `asked_last[n]` for
    NaN, and equally where it is in an odd number of the ranges `range_first[n]` to `range_first[n + 1]`, if
    there are any. Of a row that goes right only the leaves in `words[t]` words from `keep[mask_first[n]]`
    remain. For one row there are ways instead: it begins at `root[t]` and goes on to `child[2 n]` on the
    right and `child[2 n + 1]` on the left, until it is at ~ the place of a leaf's value.
    """

    words: Integers
    node_first: Integers
    node_asked: Integers
    leaf_first: Integers
    leaf_value: Floats
    node_slot: npt.NDArray[np.int32]
    mask_first: Integers
    keep: npt.NDArray[np.uint64]
    start: npt.NDArray[Any]
    span: npt.NDArray[Any]
    range_first: Integers
    range_start: npt.NDArray[Any]
    range_span: npt.NDArray[Any]
    asked_first: Integers
    asked_last: Integers
    asked: npt.NDArray[np.uint8]
    root: npt.NDArray[np.int32]
    child: npt.NDArray[np.int32]


def lay_out_verdicts(forest: Forest, bins: Bins, slots: Mapping[int, int]) -> Verdicts:
    """A model's nodes as flat arrays; `slots` gives the slot of each column."""
    words, nodes, compared, values, keep = [], [], [], [], []
    node_slots: list[int] = []
    several: list[list[tuple[int, int]]] = []
    ranges, asked_first, asked_last, asked = [], [], [], bytearray()
    root: list[int] = []
    child: list[int] = []
    leaves = 0
    code = np.uint16 if bins.wide else np.uint8
    for tree in forest.trees:
        words.append(-(-tree.leaves // _WORD))
        left, order = _left_leaves(tree)
        values.append(tree.leaf_value[order])
        atoms, goes_left = find_atoms(tree, bins, slots)
        made = [
            (node, slots[column], atoms[slots[column]].ranges(goes_left[node]))
            for node, column in enumerate(tree.feature.tolist())
        ]
        nodes.append(len(made))
        compared.append(sum(len(found) == 1 for _, _, found in made))
        laid = sorted(made, key=lambda one: len(one[2]) != 1)
        place = {node: len(node_slots) + at for at, (node, _, _) in enumerate(laid)}
        place |= {~leaf: ~(leaves + at) for at, leaf in enumerate(order)}
        leaves += len(order)
        root.append(place[0 if tree.leaves > 1 else ~0])
        child += [place[int(to[node])] for node, _, _ in laid for to in (tree.right, tree.left)]
        for node, slot, found in laid:
            node_slots.append(slot)
            keep += [~left[node] >> (_WORD * word) & _ALL for word in range(words[-1])]
            ranges.append(found[0] if len(found) == 1 else (0, 0))
            several.append(found if 1 < len(found) <= MOST_RANGES else [])
            asked_first.append(len(asked))
            if len(found) != 1:
                asked += bytes(goes_left[node] >> atom & 1 for atom in atoms[slot].each)
            asked_last.append(len(asked) - 1)
    flat = [one for some in several for one in some]
    per_node = np.repeat(words, nodes).tolist()
    return Verdicts(
        words=np.array(words, dtype=np.int64),
        node_first=_starts(nodes),
        node_asked=_starts(nodes)[:-1] + np.array(compared, dtype=np.int64),
        leaf_first=_starts([len(one) for one in values]),
        leaf_value=np.concatenate([*values, np.zeros(0)]),
        node_slot=np.array(node_slots, dtype=np.int32),
        mask_first=_starts(per_node),
        keep=np.array(keep, dtype=np.uint64),
        start=np.array([first for first, _ in ranges], dtype=code),
        span=np.array([(last - first) % (bins.unknown + 1) for first, last in ranges], dtype=code),
        range_first=_starts([len(one) for one in several]),
        range_start=np.array([first for first, _ in flat], dtype=code),
        range_span=np.array([(last - first) % (bins.unknown + 1) for first, last in flat], dtype=code),
        asked_first=np.array(asked_first, dtype=np.int64),
        asked_last=np.array(asked_last, dtype=np.int64),
        asked=np.frombuffer(bytes(asked), dtype=np.uint8),
        root=np.array(root, dtype=np.int32),
        child=np.array(child, dtype=np.int32),
    )


def _left_leaves(tree: Tree) -> tuple[dict[int, int], list[int]]:
    """For each node the leaves on its left as bits, and the leaves from left to right."""
    order: list[int] = []
    bits: dict[int, int] = {}
    left: dict[int, int] = {}
    waiting = [(0 if tree.leaves > 1 else ~0, False)]
    while waiting:
        child, done = waiting.pop()
        if child < 0:
            bits[child] = 1 << len(order)
            order.append(~child)
        elif done:
            left[child] = bits[int(tree.left[child])]
            bits[child] = left[child] | bits[int(tree.right[child])]
        else:
            waiting += [(child, True), (int(tree.right[child]), False), (int(tree.left[child]), False)]
    return left, order


def _starts(sizes: list[int]) -> Integers:
    return np.cumsum([0, *sizes], dtype=np.int64)


@compiled
def margin_of_one(verdicts: Verdicts, codes: Codes) -> float:
    """`add_margins` for a single row, down the trees: the same leaves' values in the same order."""
    # All trees go down a node at a time, so that none waits for another; those at a leaf drop out.
    trees = len(verdicts.root)
    reached, waiting = np.empty(trees, np.int32), np.empty(trees, np.uint32)
    count = 0
    for tree in range(trees):
        reached[tree] = verdicts.root[tree]
        waiting[count] = tree
        count += verdicts.root[tree] >= 0
    while count:
        left_over = 0
        for place in range(count):
            one = waiting[place]
            node = np.uint64(reached[one])
            code = codes[np.uint64(verdicts.node_slot[node]), 0]
            if node < np.uint64(verdicts.node_asked[one]):
                left = np.uint64(codes.dtype.type(code - verdicts.start[node]) <= verdicts.span[node])
            else:
                asked = min(verdicts.asked_first[node] + np.int64(code), verdicts.asked_last[node])
                left = np.uint64(verdicts.asked[asked])
            # Looked up and not chosen: a branch would be guessed wrong half the time.
            after = verdicts.child[np.uint64(2) * node + left]
            reached[one] = after
            waiting[left_over] = one
            left_over += after >= 0
        count = left_over
    margin = 0.0
    for tree in range(trees):
        margin += verdicts.leaf_value[~reached[tree]]
    return margin


@compiled
def _rule_out(row_codes: Codes, start: Any, span: Any, keep: Any, rows: int, remains: Words) -> None:
    """Keep only some leaves of the rows whose code is outside a range."""
    for row in range(rows):
        moved = row_codes.dtype.type(row_codes[row] - start)
        remains[row] &= np.uint64(0xFFFFFFFFFFFFFFFF) if moved <= span else keep


@compiled
def _rule_out_asked(row_codes: Codes, asked: Bytes, keep: Any, rows: int, remains: Words) -> None:
    """Keep only some leaves of the rows whose code is not asked for."""
    last = len(asked) - 1
    for row in range(rows):
        remains[row] &= np.uint64(0xFFFFFFFFFFFFFFFF) if asked[min(int(row_codes[row]), last)] else keep


@compiled
def _rule_out_unflagged(flags: Bytes, keep: Any, rows: int, remains: Words) -> None:
    """Keep only some leaves of the rows without a flag."""
    for row in range(rows):
        remains[row] &= np.uint64(0xFFFFFFFFFFFFFFFF) if flags[row] else keep


@compiled
def _add_leaf_values(values: Floats, left_over: Words, rows: int, margins: Floats) -> None:
    """Add the value of each row's leaf, the lowest bit left over."""
    for row in range(rows):
        margins[row] += values[int(lowest_bit(left_over[row]))]


@compiled
def add_margins(verdicts: Verdicts, codes: Codes, count: int, margins: Floats, left_over: Words) -> None:
    """Margins of a block; `left_over` is scratch of (most words, `PART`)."""
    if count == 1:
        margins[0] = margin_of_one(verdicts, codes)
        return
    flags = np.empty(PART, np.uint8)
    margins[:count] = 0.0
    for tree in range(len(verdicts.words)):
        words, middle = verdicts.words[tree], verdicts.node_asked[tree]
        first = verdicts.leaf_first[tree]
        for strip in range(0, count, PART):
            rows = min(PART, count - strip)
            left_over[:words, :rows] = np.uint64(0xFFFFFFFFFFFFFFFF)
            for node in range(verdicts.node_first[tree], verdicts.node_first[tree + 1]):
                row_codes = codes[verdicts.node_slot[node], strip : strip + rows]
                begin, last = verdicts.asked_first[node], verdicts.asked_last[node]
                start, span = verdicts.start[node], verdicts.span[node]
                several = verdicts.range_first[node + 1] > verdicts.range_first[node]
                if several:
                    flags[:rows] = 0
                    for at in range(verdicts.range_first[node], verdicts.range_first[node + 1]):
                        one, wide = verdicts.range_start[at], verdicts.range_span[at]
                        flip_bit(row_codes, one, wide, np.uint8(1), rows, flags)
                for word in range(words):
                    keep = verdicts.keep[verdicts.mask_first[node] + word]
                    remains = left_over[word]
                    if node < middle:
                        _rule_out(row_codes, start, span, keep, rows, remains)
                    elif several:
                        _rule_out_unflagged(flags, keep, rows, remains)
                    else:
                        _rule_out_asked(row_codes, verdicts.asked[begin : last + 1], keep, rows, remains)
            if words == 1:
                values = verdicts.leaf_value[first : first + 64]
                _add_leaf_values(values, left_over[0], rows, margins[strip : strip + rows])
                continue
            for row in range(rows):
                word = 0
                while left_over[word, row] == 0:
                    word += 1
                place = 64 * word + np.int64(lowest_bit(left_over[word, row]))
                margins[strip + row] += verdicts.leaf_value[first + place]
