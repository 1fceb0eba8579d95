"""Blend: several plain learners and the naive rule, added on the log-odds scale.

On small, noisy panels no learner is best everywhere, and their mean is hard to beat. Weights are found out of
fold, never negative, and held near equal ones unless many outcomes speak for others.
"""

from training.blend.blend import Blend, BlendSettings, fit_blend
from training.blend.rows import Rows

__all__ = ["Blend", "BlendSettings", "Rows", "fit_blend"]
