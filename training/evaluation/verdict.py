"""Verdict: whether the model is better than the best of its baselines by more than chance.

The best baseline is the one with the highest precision at capacity over all test dates. The model is

- **better** when the interval of the paired difference lies above zero for precision at capacity or for
  PR-AUC, and below zero for neither;
- **worse** when it lies below zero for one and above zero for none;
- **not better** otherwise.

Precision at capacity is what a visit plan gets, and rests on the few households at the top; PR-AUC looks
down the whole ranking and sees smaller differences. A model that wins one and loses the other clearly is not
better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.evaluation.estimate import Estimate
from training.evaluation.measured import Difference

Word = Literal["better", "not better", "worse"]


@dataclass(frozen=True)
class Verdict:
    """The verdict with the baseline it was judged against, and the differences to every baseline."""

    verdict: Word
    is_better: bool
    sentence: str
    best_baseline: str
    difference: Difference
    differences: dict[str, Difference]


def judge(precision_of: Mapping[str, float], differences: Mapping[str, Difference]) -> Verdict:
    """Judge from each baseline's pooled precision at capacity and the pooled differences to ours."""
    best = max(precision_of, key=lambda name: precision_of[name])
    gained = differences[best]
    word = word_of(gained)
    said = {
        "better": "BETTER than the best baseline",
        "not better": "NOT BETTER than the best baseline",
        "worse": "WORSE than the best baseline",
    }[word]
    numbers = (
        f"precision at capacity {_signed(gained.precision)}, PR-AUC {_signed(gained.pr_auc)}, "
        "ours minus it with 95 % interval"
    )
    return Verdict(word, word == "better", f"{said} ({best}): {numbers}", best, gained, dict(differences))


def word_of(gained: Difference) -> Word:
    """The verdict on one paired difference."""
    both = (gained.precision, gained.pr_auc)
    is_above, is_below = any(one.is_above_zero for one in both), any(one.is_below_zero for one in both)
    if is_above and not is_below:
        return "better"
    return "worse" if is_below and not is_above else "not better"


def _signed(one: Estimate) -> str:
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
