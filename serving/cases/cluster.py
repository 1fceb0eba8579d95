"""Clusters: more new events in a township, of one theme, than its own past and its county let expect.

For each township and theme the past spans give a rate a household. Few events are a poor witness, so the
rate is drawn towards the county's by empirical Bayes: a gamma prior whose mean and variance are those of
the county's townships (moments by Marshall 1991, Applied Statistics 40, 283–294). With y events in the past
E and the prior (a, b), the number expected in a span of exposure e is negative binomial with mean
m = (a + y) / (b + E) · e and variance m + m² / (a + y) (Clayton and Kaldor 1987, Biometrics 43, 671–681).
Where the county's spans scatter more than Poisson's, as events that come in batches do, the variance of a
span is m + α m² with α by moments from the past of all its townships (Breslow 1984, Applied Statistics 33,
38–44), of the span itself and of the mean of the past. The p-value is P(X ≥ observed) of that distribution;
warnings are those that Benjamini and Hochberg's (1995) procedure keeps, so that no more than `false_share`
of them are expected to be false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import nbinom

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TAIL = 0.025
_MOST_SHAPE = 1e6
"""A gamma of this shape is its mean: townships that differ by chance alone are one."""


@dataclass(frozen=True)
class Expectation:
    """What is expected of each township in one span, (n,): mean, variance and the middle 95 % of the
    number."""

    mean: Floats
    variance: Floats
    low: Ints
    high: Ints
    p_values: Floats


@dataclass(frozen=True)
class Learned:
    """What the past of some townships lets expect of one span of theirs, (n,): a mean m and the `spread` of
    a variance m + spread · m². `is_lived_in` is false of those without a household."""

    mean: Floats
    spread: Floats
    is_lived_in: npt.NDArray[np.bool_]


def learn(past: Ints, households: Ints) -> Learned:
    """Learn from the spans of a county's townships by theme: `past` (n, spans), `households` (n,)."""
    spans = past.shape[1]
    size = np.maximum(households.astype(np.float64), 1e-9)
    exposure, events = size * spans, past.sum(axis=1).astype(np.float64)
    shape, rate = _prior(events, exposure)
    strength = shape + events
    spread = _scatter(past) * (1 + 1 / spans) + 1 / strength
    return Learned(strength / (rate + exposure) * size, spread, households > 0)


def join(learned: Sequence[Learned]) -> Learned:
    """Several counties and themes as one: to judge them together takes as long as to judge one."""
    return Learned(
        np.concatenate([one.mean for one in learned]),
        np.concatenate([one.spread for one in learned]),
        np.concatenate([one.is_lived_in for one in learned]),
    )


def judge(learned: Learned, observed: Ints) -> Expectation:
    """Judge the newest span by what was learned; `observed` (n,).

    Townships without a household are expected to have nothing, and have no p-value below 1.
    """
    mean, spread = learned.mean, learned.spread
    # A negative binomial of mean m and variance m + m² / r.
    r = 1 / spread
    p = r / (r + mean)
    return Expectation(
        mean,
        mean + mean**2 * spread,
        nbinom.ppf(_TAIL, r, p).astype(np.int64),
        nbinom.ppf(1 - _TAIL, r, p).astype(np.int64),
        np.where(learned.is_lived_in, nbinom.sf(observed - 1, r, p), 1.0),
    )


def keep_true(p_values: Sequence[float], false_share: float) -> list[bool]:
    """Which of the hypotheses are rejected, at a false discovery rate of at most `false_share`."""
    count = len(p_values)
    order = sorted(range(count), key=lambda at: p_values[at])
    last = max((n for n, at in enumerate(order, 1) if p_values[at] <= false_share * n / count), default=0)
    kept = set(order[:last])
    return [at in kept for at in range(count)]


def _prior(events: Floats, exposure: Floats) -> tuple[float, float]:
    """Shape and rate of the gamma that the townships' rates come from."""
    # Half an event more: of a county without any, something may still happen.
    mean = (events.sum() + 0.5) / exposure.sum()
    weights = exposure.sum() - (exposure**2).sum() / exposure.sum()
    scatter = (exposure * (events / exposure - mean) ** 2).sum() - (len(events) - 1) * mean
    between = max(0.0, scatter / weights) if weights > 0 else 0.0
    shape = min(mean**2 / between, _MOST_SHAPE) if between > 0 else _MOST_SHAPE
    if len(events) == 1:
        # Nobody to learn from: half an event at the township's own rate.
        shape = 0.5
    return shape, shape / mean


def _scatter(past: Ints) -> float:
    """α: how much more than Poisson's the spans scatter around each township's own mean, of all together."""
    own, spans = past.mean(axis=1), past.shape[1]
    if spans < 2:
        return 0.0
    variance = past.var(axis=1, ddof=1)
    # The square of a mean is too large by the mean's own variance.
    squares = float((own**2 - variance / spans).sum())
    return max(0.0, float((variance - own).sum()) / squares) if squares > 0 else 0.0
