"""Paths: what a row must meet, feature by feature, to reach a leaf, and how many training rows did.

Along a path a feature may be asked several times; its conditions are intersected and its shares multiplied,
so that a path has one `Item` for each distinct feature. Conditions are sets of atoms: the pieces into which
the nodes of one tree cut a feature's bins, as the bits of a whole number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scoring.contributions.bins import Bins
from scoring.contributions.trees import Tree

Item = tuple[int, float]
"""Atoms that stay on the path (as bits), and the share of training rows that did (a zero fraction)."""


@dataclass(frozen=True)
class Atoms:
    """The atoms of one feature in one tree.

    `each` is the atom of every code in order, NaN last; `stretches` the same as (first code, last code,
    atom); `whole` has every atom's bit.
    """

    each: tuple[int, ...]
    stretches: tuple[tuple[int, int, int], ...]
    whole: int

    def ranges(self, chosen: int) -> list[tuple[int, int]]:
        """The codes of the chosen atoms as (first, last) ranges; the last one may wrap around to code 0.

        Codes that no value has lie between the last cell and NaN; they belong to whatever is easiest.
        """
        found: list[tuple[int, int]] = []
        open_at: int | None = None
        last = 0
        for first, end, atom in self.stretches:
            if chosen >> atom & 1:
                open_at = first if open_at is None else open_at
                last = end
            elif open_at is not None:
                found.append((open_at, last))
                open_at = None
        if open_at is not None:
            found.append((open_at, last))
            if len(found) > 1 and found[0][0] == 0:
                found[-1] = (open_at, found.pop(0)[1])
        return found


@dataclass(frozen=True)
class Path:
    """A leaf's value in margin units and its items by slot."""

    value: float
    items: Mapping[int, Item]


def find_paths(tree: Tree, bins: Bins, slots: Mapping[int, int]) -> tuple[list[Path], dict[int, Atoms]]:
    """The paths of a tree in depth-first order, smaller branch first, and the atoms of each slot.

    Neighbours in this order share most of their conditions, which is what makes groups of them small.
    `slots` gives the slot of each column.
    """
    atoms, left = find_atoms(tree, bins, slots)
    sizes = _sizes(tree)
    paths: list[Path] = []
    waiting: list[tuple[int, dict[int, Item]]] = [(0, {})]
    while waiting:
        child, items = waiting.pop()
        if child < 0:
            paths.append(Path(float(tree.leaf_value[~child]), items))
            continue
        slot = slots[int(tree.feature[child])]
        whole = atoms[slot].whole
        mask, share = items.get(slot, (whole, 1.0))
        branches = [(int(tree.left[child]), left[child]), (int(tree.right[child]), whole & ~left[child])]
        # The one to walk first is put on the pile last.
        for branch, stays in sorted(branches, key=lambda one: -sizes[one[0]]):
            kept = share * (tree.count(branch) / tree.count(child))
            waiting.append((branch, {**items, slot: (mask & stays, kept)}))
    return paths, atoms


def find_atoms(tree: Tree, bins: Bins, slots: Mapping[int, int]) -> tuple[dict[int, Atoms], dict[int, int]]:
    """The atoms of each slot that a tree asks for, and the atoms that go left at each node."""
    nodes: dict[int, list[int]] = defaultdict(list)
    for node, column in enumerate(tree.feature.tolist()):
        nodes[slots[column]].append(node)
    atoms: dict[int, Atoms] = {}
    left: dict[int, int] = {}
    for slot, asked in nodes.items():
        atoms[slot], masks = _cut_atoms(tree, bins, slot, asked)
        left.update(masks)
    return atoms, left


def _cut_atoms(tree: Tree, bins: Bins, slot: int, nodes: list[int]) -> tuple[Atoms, dict[int, int]]:
    """The atoms into which `nodes` cut a slot, and the atoms that go left at each of them."""
    left = np.array([tree.goes_left(node, bins.ends[slot]) for node in nodes])
    # One key of bytes for each bin: what every node makes of it.
    packed = np.ascontiguousarray(np.packbits(left, axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, seen, atom = np.unique(keys, return_index=True, return_inverse=True)
    # Numbered as they appear along the codes, so that neighbouring atoms have neighbouring numbers.
    order = np.argsort(seen)
    kinds, atom = left[:, seen[order]], np.argsort(order)[atom]
    starts = np.append(0, np.flatnonzero(np.diff(atom)) + 1)
    ends = np.append(starts[1:], len(atom)) - 1
    codes = bins.codes(slot)
    stretches = tuple(zip(codes[starts].tolist(), codes[ends].tolist(), atom[starts].tolist(), strict=True))
    masks = {
        node: sum(1 << one for one in np.flatnonzero(kinds[row]).tolist()) for row, node in enumerate(nodes)
    }
    return Atoms(tuple(atom.tolist()), stretches, (1 << kinds.shape[1]) - 1), masks


def _sizes(tree: Tree) -> dict[int, int]:
    """Leaves below each child; a leaf has one."""
    sizes = {~leaf: 1 for leaf in range(tree.leaves)}
    # LightGBM numbers a node after its parent.
    for node in range(tree.leaves - 2, -1, -1):
        sizes[node] = sizes[int(tree.left[node])] + sizes[int(tree.right[node])]
    return sizes
