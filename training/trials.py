"""Trials: which hyper-parameters were tried in the past of a split, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """The settings of a trial and its mean log-loss over its folds: all, unless it was broken off."""

    number: int
    num_leaves: int
    min_rows_in_leaf: int
    l2: float
    feature_share: float
    row_share: float
    log_loss: float
    folds: int
    is_broken_off: bool


@dataclass(frozen=True)
class Tuning:
    """All trials in order, the number of the chosen one, and how many folds a whole trial has."""

    trials: tuple[Trial, ...]
    chosen: int
    folds: int
