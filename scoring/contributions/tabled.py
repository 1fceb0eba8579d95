"""A model as the kernel reads it: bins, nodes and tables, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scoring.contributions.bins import Bins, find_bins
from scoring.contributions.coding import Codebook, Codes
from scoring.contributions.direct import Leaves, lay_out_leaves
from scoring.contributions.groups import LADDER, Group, find_groups
from scoring.contributions.kernel import Held, answer_all, answer_margins, hold
from scoring.contributions.margins import Verdicts, lay_out_verdicts
from scoring.contributions.paths import Atoms, Path, find_paths
from scoring.contributions.single import lay_out_single
from scoring.contributions.stretches import share_out
from scoring.contributions.tables import Tables, build_tables
from scoring.contributions.trees import Floats, Forest, Integers

_ENDLESS = 1 << 62

_NO_COLUMNS, _NO_VALUES = np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0))
"""Where nothing is to be written."""


@dataclass(frozen=True)
class Pieces:
    """What contributions are made from: tables, and the leaves that have none."""

    tables: Tables
    leaves: Leaves


@dataclass(frozen=True)
class TabledModel:
    """A model's bins and nodes; enough for margins, and what `build_pieces` starts from."""

    forest: Forest
    bins: Bins
    verdicts: Verdicts
    base: float

    @property
    def features(self) -> int:
        """Columns of its rows."""
        return self.forest.features

    @cached_property
    def _coding(self) -> tuple[Codebook, Codes]:
        """The bins as the kernel reads them, and an empty array of its codes' type."""
        bins = self.bins
        codebook = Codebook(bins.columns, bins.cuts, bins.first, bins.shuffled, bins.code)
        return codebook, np.zeros(0, dtype=np.uint16 if bins.wide else np.uint8)

    def margins(self, matrix: Floats, block: int, threads: int | None) -> Floats:
        """Raw margins (n,)."""
        margins = np.zeros(len(matrix))
        codebook, empty = self._coding

        def answer(start: int, stop: int) -> None:
            answer_margins(codebook, self.verdicts, matrix, start, stop, block, empty, margins)

        share_out(answer, len(matrix), threads=threads)
        return margins

    def hold(self, pieces: Pieces) -> Held:
        """The model with its pieces, as explaining takes it."""
        codebook, empty = self._coding
        single = lay_out_single(pieces.tables)
        return hold(codebook, self.verdicts, pieces.tables, single, pieces.leaves, empty, self.base)

    def explain(self, held: Held, matrix: Floats, block: int, threads: int | None) -> tuple[Floats, Floats]:
        """Margins (n,) and contributions (n, features)."""
        margins, values = np.empty(len(matrix)), np.zeros(matrix.shape)
        self._answer(held, matrix, block, threads, margins, values, _NO_COLUMNS, _NO_VALUES)
        return margins, values

    def strongest(
        self, held: Held, matrix: Floats, count: int, block: int, threads: int | None
    ) -> tuple[Floats, Integers, Floats]:
        """Margins (n,), and columns and contributions (n, `count`) of the largest by size."""
        margins = np.empty(len(matrix))
        best, best_values = np.zeros((len(matrix), count), dtype=np.int64), np.zeros((len(matrix), count))
        self._answer(held, matrix, block, threads, margins, _NO_VALUES, best, best_values)
        return margins, best, best_values

    def _answer(
        self,
        held: Held,
        matrix: Floats,
        block: int,
        threads: int | None,
        margins: Floats,
        values: Floats,
        best: Integers,
        best_values: Floats,
    ) -> None:
        def answer(start: int, stop: int) -> None:
            answer_all(held, matrix, start, stop, block, margins, values, best, best_values)

        share_out(answer, len(matrix), threads=threads)


def read_model(forest: Forest) -> TabledModel:
    """The bins and nodes of a forest; raises `UnsupportedTreesError`."""
    bins = find_bins(forest)
    return TabledModel(forest, bins, lay_out_verdicts(forest, bins, _slots(bins)), forest.expected())


def build_pieces(model: TabledModel, most_bytes: int) -> Pieces:
    """The tables of a model, as large as `most_bytes` allows."""
    top = model.bins.unknown + 1
    code = np.uint16 if model.bins.wide else np.uint8
    slots = _slots(model.bins)
    walked = [find_paths(tree, model.bins, slots) for tree in model.forest.trees if tree.leaves > 1]
    for limits in LADDER:
        groups: list[Group] = []
        alone: list[tuple[Path, dict[int, Atoms]]] = []
        room = most_bytes
        for paths, atoms in walked:
            found, left = find_groups(paths, atoms, limits, top, room if limits == LADDER[-1] else _ENDLESS)
            groups += found
            alone += [(path, atoms) for path in left]
            room -= sum(group.bytes for group in found)
            if room < 0:
                break
        else:
            break
    return Pieces(build_tables(groups, len(slots), code), lay_out_leaves(alone, top, code))


def empty_pieces(model: TabledModel) -> Pieces:
    """No tables at all: what arrays pieces have, and of which types."""
    code = np.uint16 if model.bins.wide else np.uint8
    return Pieces(build_tables([], 0, code), lay_out_leaves([], model.bins.unknown + 1, code))


def _slots(bins: Bins) -> dict[int, int]:
    return {column: slot for slot, column in enumerate(bins.columns.tolist())}
