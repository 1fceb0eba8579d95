"""The explainer: margins and contributions of a booster, by tables where its trees allow it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.contributions import lightgbm
from scoring.contributions.trees import Floats, Integers, UnsupportedTreesError, read_forest
from scoring.errors import VectorError

if TYPE_CHECKING:
    from scoring.contributions.kernel import Held
    from scoring.contributions.tabled import Pieces, TabledModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExplainerSettings:
    """What explaining may take.

    `table_megabytes` bounds the tables of a model; with less, patterns are shorter and, at 0, no tables are
    made at all: slower, as exact. `block_rows` is how many rows are worked on at once, a multiple of 64;
    `threads` how many blocks (None: `default_threads`). Raises `ValueError` for other values.
    """

    table_megabytes: int = 512
    block_rows: int = 16_384
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.block_rows < 64 or self.block_rows % 64:
            raise ValueError(f"block_rows is {self.block_rows}: make it a multiple of 64")
        if self.table_megabytes < 0 or (self.threads is not None and self.threads < 1):
            raise ValueError("tables take 0 megabytes or more, and at least one thread explains")


class Explainer:
    """Margins and contributions of one booster.

    What is needed is built at the first use and kept; `prepare` does it beforehand. Safe to share between
    threads. `folder` is where tables are kept between processes, if anywhere.
    """

    def __init__(
        self, booster: Any, settings: ExplainerSettings | None = None, folder: Path | None = None
    ) -> None:
        self.settings = settings or ExplainerSettings()
        self._booster = booster
        self._folder = folder
        self._lock = Lock()
        self._tried = False
        self._model: TabledModel | None = None
        self._pieces: Pieces | None = None
        self._held: Held | None = None
        self._fallback: str | None = None

    @property
    def fallback(self) -> str | None:
        """Why LightGBM's own prediction is used instead of tables; None where tables are."""
        self._read()
        return self._fallback

    def prepare(self) -> None:
        """Build or read the tables and compile, so that the first household does not wait."""
        model = self._read()
        if model is not None:
            self.contributions(np.zeros((1, model.features)))
            self.margins(np.zeros((1, model.features)))

    def margins(self, matrix: Floats) -> Floats:
        """Raw margins (n,) of rows (n, features), to the last bit those of LightGBM."""
        model = self._read()
        if model is None:
            return lightgbm.margins(self._booster, matrix)
        rows = checked(matrix, model.features)
        return model.margins(rows, self.settings.block_rows, self.settings.threads)

    def contributions(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Contribution of every feature (n, features) and the base value (n,), in margin units.

        A row's contributions plus its base value add up to its margin, up to rounding.
        """
        _, values, base = self.explain(matrix)
        return values, base

    def explain(self, matrix: Floats) -> tuple[Floats, Floats, Floats]:
        """Margins (n,), contributions (n, features) and base values (n,), each row looked at once."""
        model = self._read()
        if model is None:
            return (lightgbm.margins(self._booster, matrix), *lightgbm.contributions(self._booster, matrix))
        rows = checked(matrix, model.features)
        block, threads = self.settings.block_rows, self.settings.threads
        margins, values = model.explain(self._built(model), rows, block, threads)
        base = np.empty(len(rows))
        # `np.full` takes three times as long to begin.
        base.fill(model.base)
        return margins, values, base

    def strongest(self, matrix: Floats, count: int) -> tuple[Floats, Integers, Floats]:
        """Margins (n,), and columns and contributions (n, `count`) of the features that move each row most.

        Largest first, by size; of equals the earlier column. Where a model reads fewer features, the rest
        are contributions of 0 of column 0.
        """
        model = self._read()
        if model is None:
            values, _ = lightgbm.contributions(self._booster, matrix)
            order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :count]
            return (
                lightgbm.margins(self._booster, matrix),
                order.astype(np.int64),
                np.take_along_axis(values, order, axis=1),
            )
        rows = checked(matrix, model.features)
        block, threads = self.settings.block_rows, self.settings.threads
        return model.strongest(self._built(model), rows, count, block, threads)

    @property
    def held(self) -> Held | None:
        """The booster as compiled code takes it; None where LightGBM's own prediction is used."""
        model = self._read()
        return None if model is None else self._built(model)

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables, 0 where there are none."""
        model = self._read()
        if model is not None:
            self._built(model)
        return 0 if self._pieces is None else self._pieces.tables.values.nbytes

    def _read(self) -> TabledModel | None:
        if not self._tried:
            # Imported here: it brings in the compiler, which who only reads a manifest need not wait for.
            from scoring.contributions.tabled import read_model

            with self._lock:
                if not self._tried:
                    try:
                        self._model = read_model(read_forest(self._booster.model_to_string()))
                    except UnsupportedTreesError as error:
                        logger.warning("contributions come from LightGBM itself: %s", error)
                        self._fallback = str(error)
                    self._tried = True
        return self._model

    def _built(self, model: TabledModel) -> Held:
        if self._held is None:
            with self._lock:
                if self._held is None:
                    self._pieces = self._find_or_build(model)
                    self._held = model.hold(self._pieces)
        return self._held

    def _find_or_build(self, model: TabledModel) -> Pieces:
        from scoring.contributions.store import PieceStore
        from scoring.contributions.tabled import build_pieces

        most_bytes = self.settings.table_megabytes * 1_000_000
        if self._folder is None:
            return build_pieces(model, most_bytes)
        store = PieceStore(self._folder, self._booster.model_to_string(), most_bytes)
        found = store.find(model)
        if found is not None and self._adds_up(model, found):
            return found
        built = build_pieces(model, most_bytes)
        store.save(built)
        return built

    def _adds_up(self, model: TabledModel, pieces: Pieces) -> bool:
        """Whether contributions from stored tables add up to the margins of a few made-up rows."""
        rows = np.array([[fill] * model.features for fill in (0.0, np.nan, np.inf, -np.inf, 1.0, 100.0)])
        margins, values = model.explain(model.hold(pieces), rows, self.settings.block_rows, 1)
        return bool(np.allclose(model.base + values.sum(axis=1), margins, rtol=0, atol=1e-9))


def checked(matrix: Floats, features: int) -> Floats:
    """Rows (n, features) as compiled code takes them; raises `VectorError` for another number of features."""
    if matrix.ndim != 2 or matrix.shape[1] != features:
        raise VectorError(f"the model reads {features} columns; the rows have the shape {matrix.shape}")
    return np.ascontiguousarray(matrix, dtype=np.float64)
