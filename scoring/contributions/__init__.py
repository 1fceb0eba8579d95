"""Exact contributions of features to a margin: Shapley values of the path-dependent tree game."""

from scoring.contributions.lightgbm import contributions

__all__ = ["contributions"]
