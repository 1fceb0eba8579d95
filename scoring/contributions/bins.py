"""Bins: every feature's values as small whole numbers that no node of the model tells apart any further.

A cell (cut, next cut] of the real line is what a value is searched for in. Cuts are the model's own
thresholds, the borders of the categories its nodes ask for, and those of zero where zero counts as missing.
What a node does with a cell it does with every value in it, so its decision is found by asking LightGBM's
rule once, for the cell's upper end.

Numeric cells are coded in their order. Category cells that every node treats alike share a code, and codes
are ordered from low risk to high, so that the sets nodes ask for fall into few ranges. NaN has the largest
code: next to code 0 when codes wrap around.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoring.contributions.trees import ZERO, Flags, Floats, Forest, Integers, Tree, UnsupportedTreesError

MOST_CELLS = 65_535
"""Cells of a feature that two bytes can number beside NaN."""

_BELOW_ZERO = float(np.nextafter(-ZERO, -np.inf))


@dataclass(frozen=True)
class Bins:
    """Cells and codes of the features a model reads.

    `columns` are those features' columns, in order; their places in it are called slots. `cuts` holds all
    cuts, ascending for each slot, those of slot s from `first[s]` to `first[s + 1]`. Where `shuffled[s]`,
    cell c has the code `code[first[s] + s + c]`, elsewhere c. `ends[s]` has one value for each code in
    their order, then NaN, whose code is `unknown`.
    """

    columns: Integers
    cuts: Floats
    first: Integers
    shuffled: Flags
    code: npt.NDArray[np.uint16]
    ends: tuple[Floats, ...]

    @cached_property
    def wide(self) -> bool:
        """Whether codes need two bytes."""
        return any(len(one) > 256 for one in self.ends)

    @property
    def unknown(self) -> int:
        """The code of NaN."""
        return 65_535 if self.wide else 255

    def codes(self, slot: int) -> Integers:
        """Codes in the order of `ends`."""
        return np.append(np.arange(len(self.ends[slot]) - 1), self.unknown)


def find_bins(forest: Forest) -> Bins:
    """The bins of a model; raises `UnsupportedTreesError` when a feature needs more than `MOST_CELLS`."""
    nodes: dict[int, list[tuple[Tree, int]]] = defaultdict(list)
    for tree in forest.trees:
        for node, column in enumerate(tree.feature.tolist()):
            nodes[column].append((tree, node))
    columns = sorted(nodes)
    cuts, codes, ends, shuffled = [], [], [], []
    for column in columns:
        found = {cut for tree, node in nodes[column] for cut in _cuts(tree, node)}
        if len(found) >= MOST_CELLS:
            raise UnsupportedTreesError(f"a feature has {MOST_CELLS:,} thresholds or more")
        cuts.append(np.array(sorted(found), dtype=np.float64))
        cells = np.append(cuts[-1], np.inf)
        shuffled.append(all(tree.categories[node] is not None for tree, node in nodes[column]))
        code = _risk_order(nodes[column], cells) if shuffled[-1] else np.arange(len(cells))
        # Any cell of a code stands for it.
        stands = np.empty(code.max() + 1)
        stands[code] = cells
        codes.append(code)
        ends.append(np.append(stands, np.nan))
    return Bins(
        columns=np.array(columns, dtype=np.int64),
        cuts=np.concatenate([*cuts, np.zeros(0)]),
        first=np.cumsum([0, *map(len, cuts)], dtype=np.int64),
        shuffled=np.array(shuffled, dtype=bool),
        code=np.concatenate([*codes, np.zeros(0)]).astype(np.uint16),
        ends=tuple(ends),
    )


def _risk_order(nodes: list[tuple[Tree, int]], cells: Floats) -> Integers:
    """A code for each category cell: equal for cells that go the same ways, rising with where they lead."""
    ways = np.array([tree.goes_left(node, cells) for tree, node in nodes])
    kinds, code = np.unique(ways, axis=1, return_inverse=True)
    # How far the node moves a row that goes left, against one that goes right.
    moves = np.array([
        tree.mean(int(tree.left[node])) - tree.mean(int(tree.right[node])) for tree, node in nodes
    ])
    order = np.argsort(moves @ kinds, kind="stable")
    return np.asarray(np.argsort(order)[code.ravel()], dtype=np.int64)


def _cuts(tree: Tree, node: int) -> list[float]:
    categories = tree.categories[node]
    if categories is not None:
        # Code c is every value that truncates to c: [c, c + 1), and (−1, 1) for code 0.
        below = [float(np.nextafter(code, -np.inf)) if code else -1.0 for code in categories.tolist()]
        upto = [float(np.nextafter(code + 1.0, -np.inf)) for code in categories.tolist()]
        return below + upto
    threshold = float(tree.threshold[node])
    if abs(threshold) <= ZERO:
        # Values this near to zero are read as zero: nothing lies between it and what is just below −ZERO.
        threshold = _BELOW_ZERO if threshold < 0 else 0.0
    if tree.missing[node] == 1:
        return [threshold, _BELOW_ZERO, 0.0]
    return [threshold]
