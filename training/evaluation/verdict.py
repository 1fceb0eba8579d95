"""Verdict: whether the model is better than the best of its baselines by more than chance.

Two rankings are compared by the paired difference in precision at capacity and in PR-AUC, over all test
dates, each with its 95 % interval. The one is

- **better** when an interval lies above zero and none below,
- **worse** when an interval lies below zero and none above,
- **not better** otherwise: level, or ahead by one measure and behind by the other.

Precision at capacity is what a visit plan gets, and rests on the few households at the top; PR-AUC looks down
the whole ranking and sees smaller differences.

The verdict is this word on the best baseline. Two may be best: that of the highest precision at capacity
(of equal ones, which are common among few visits, that of the highest PR-AUC) and that of the highest PR-
AUC. Then both must be beaten, and the one with the worse word decides. An experiment says which baselines a
model must beat: `all`, or `rules` (income, triggers and points card). With `rules` the learned ones, which
read the same vectors, must only not be ahead: where one is, the verdict is its word. The sentence names
them either way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from scoring.estimate import Estimate
from training.evaluation.measured import Difference

Word = Literal["better", "not better", "worse"]


@dataclass(frozen=True)
class Verdict:
    """The verdict with the baseline it was judged against, and the differences to every baseline.

    `must_beat` is what was asked, `words` the word on each baseline.
    """

    verdict: Word
    is_better: bool
    sentence: str
    must_beat: str
    best_baseline: str
    difference: Difference
    differences: dict[str, Difference]
    words: dict[str, Word]


ORDER: tuple[Word, ...] = ("worse", "not better", "better")
"""From the worst."""

SAID: dict[Word, str] = {"better": "BETTER than", "not better": "NOT BETTER than", "worse": "WORSE than"}


def judge(
    precision_of: Mapping[str, float],
    differences: Mapping[str, Difference],
    must_beat: str = "all",
    learned: Collection[str] = frozenset(),
) -> Verdict:
    """Judge from each baseline's pooled precision at capacity and the pooled differences of ours to it.

    `learned` names the baselines that are spared by `rules`.
    """
    words = {name: word_of(one) for name, one in differences.items()}
    spared = set(learned) if must_beat == "rules" else set()
    ahead = [name for name in spared if words[name] == "worse"]
    asked = ahead or [name for name in precision_of if name not in spared]
    best = _deciding(asked, precision_of, differences, words)
    sentence = f"{SAID[words[best]]} {_compared(best, differences[best])}"
    others = [name for name in spared if name != best]
    if others:
        other = max(others, key=lambda name: precision_of[name])
        level = "level with" if words[other] == "not better" else SAID[words[other]].lower()
        sentence += f"; {level} {_compared(other, differences[other])}"
    return Verdict(
        verdict=words[best],
        is_better=words[best] == "better",
        sentence=f"{sentence} (ours minus it, 95 % interval)",
        must_beat=must_beat,
        best_baseline=best,
        difference=differences[best],
        differences=dict(differences),
        words=words,
    )


def _deciding(
    names: Collection[str],
    precision_of: Mapping[str, float],
    differences: Mapping[str, Difference],
    words: Mapping[str, Word],
) -> str:
    """The best by precision, or the best by PR-AUC where the word on it is worse."""

    def pr_auc(name: str) -> float:
        # Ours minus it: the smaller, the higher its own.
        return -differences[name].pr_auc.value

    by_precision = max(names, key=lambda name: (precision_of[name], pr_auc(name)))
    by_pr_auc = max(names, key=pr_auc)
    return min((by_precision, by_pr_auc), key=lambda name: ORDER.index(words[name]))


def _compared(name: str, gained: Difference) -> str:
    return f"{name}: precision at capacity {_signed(gained.precision)}, PR-AUC {_signed(gained.pr_auc)}"


def word_of(gained: Difference) -> Word:
    """The verdict on one paired difference."""
    both = (gained.precision, gained.pr_auc)
    is_above, is_below = any(one.is_above_zero for one in both), any(one.is_below_zero for one in both)
    if is_above and not is_below:
        return "better"
    return "worse" if is_below and not is_above else "not better"


def _signed(one: Estimate) -> str:
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
