"""Ranking, compiled: each row's contributions summed by family, the strongest families and their facts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]

MOST_PARTIALS = 48
"""Partial sums that a sum of float64 can need: their bits do not overlap, and 48 × 53 is more than all."""


@compiled
def rank_rows(
    family_of: Numbers,
    families: int,
    least: float,
    is_idle_risk: Flags,
    is_idle_protective: Flags,
    matrix: Floats,
    contributions: Floats,
    risk: Numbers,
    risk_amounts: Floats,
    protective: Numbers,
    protective_amounts: Floats,
) -> None:
    """Fill the arrays of two `Ranked`, whatever they hold."""
    most = risk.shape[2] - 1
    totals = np.empty(families)
    # No more partial sums than terms: they are disjoint in their bits.
    partials = np.empty((families, MOST_PARTIALS))
    counts = np.empty(families, np.int64)
    told = np.empty((families, most), np.int16)
    missing = np.empty((families, most), np.int16)
    # There is no reason anywhere yet.
    risk[:], risk_amounts[:] = -1, 0.0
    protective[:], protective_amounts[:] = -1, 0.0
    for row in range(len(matrix)):
        values, parts = matrix[row], contributions[row]
        counts[:] = 0
        told[:] = -1
        missing[:] = -1
        for at in range(len(family_of)):
            family = family_of[at]
            counts[family] = _add(partials[family], counts[family], parts[at])
        for family in range(families):
            totals[family] = _rounded(partials[family], counts[family])
        for at in range(len(family_of)):
            family = family_of[at]
            # Only facts that pull the way the family pulls explain it.
            along = parts[at] > 0 if totals[family] > 0 else parts[at] < 0
            if along and np.isnan(values[at]):
                # No data never protects.
                if totals[family] > 0:
                    _insert(missing[family], parts, at)
            elif along:
                is_idle = is_idle_risk[at] if totals[family] > 0 else is_idle_protective[at]
                if not (values[at] == 0 and is_idle):
                    _insert(told[family], parts, at)
        for family in range(families):
            facts = told[family] if told[family, 0] >= 0 else missing[family]
            if abs(totals[family]) < least or facts[0] < 0:
                continue
            if totals[family] > 0:
                _place(family, totals[family], facts, parts, risk[row], risk_amounts[row])
            else:
                _place(family, totals[family], facts, parts, protective[row], protective_amounts[row])
        count = 0
        for family in range(families):
            if totals[family] > 0:
                count = _add(partials[0], count, totals[family])
        raised = _rounded(partials[0], count)
        for place in range(risk.shape[1]):
            if risk[row, place, 0] >= 0:
                risk_amounts[row, place, 1] = risk_amounts[row, place, 0] / raised


@compiled
def sum_rows(contributions: Floats, family_of: Numbers, totals: Floats, strongest: Numbers) -> None:
    """Fill totals (n, families) and strongest (n, families, facts), which comes in holding nothing."""
    families = totals.shape[1]
    partials = np.empty((families, MOST_PARTIALS))
    counts = np.empty(families, np.int64)
    for row in range(len(contributions)):
        parts = contributions[row]
        counts[:] = 0
        for at in range(len(family_of)):
            family = family_of[at]
            counts[family] = _add(partials[family], counts[family], parts[at])
            _insert(strongest[row, family], parts, at)
        for family in range(families):
            totals[row, family] = _rounded(partials[family], counts[family])


@compiled
def _add(partials: Floats, count: int, term: float) -> int:
    """Add a term to a sum that is kept exact in partial sums; returns how many there are now.

    Shewchuk 1997, as `math.fsum` does it: families add up here and there to the same bit.
    """
    kept = 0
    for at in range(count):
        other = partials[at]
        if abs(term) < abs(other):
            term, other = other, term
        high = term + other
        low = other - (high - term)
        if low != 0.0:
            partials[kept] = low
            kept += 1
        term = high
    partials[kept] = term
    return kept + 1


@compiled
def _rounded(partials: Floats, count: int) -> float:
    """The exact sum rounded once, half to even, as `math.fsum` does it."""
    if count == 0:
        return 0.0
    at = count - 1
    high, low = partials[at], 0.0
    while at > 0:
        before = high
        at -= 1
        high = before + partials[at]
        low = partials[at] - (high - before)
        if low != 0.0:
            break
    if at > 0 and low * partials[at - 1] > 0:
        twice = low * 2.0
        nearer = high + twice
        if twice == nearer - high:
            high = nearer
    return float(high)


@compiled
def _insert(strongest: Numbers, parts: Floats, at: int) -> None:
    """Keep a feature among the strongest; of equals the earlier one stays first."""
    new = at
    for place in range(len(strongest)):
        held = strongest[place]
        more = 0.0 if held < 0 else abs(parts[new]) - abs(parts[held])
        if held < 0 or more > 0.0 or (new < held and more == 0.0):
            strongest[place] = new
            if held < 0:
                return
            new = held


@compiled
def _place(
    family: int,
    total: float,
    facts: Numbers,
    parts: Floats,
    ranked: Numbers,
    amounts: Floats,
) -> None:
    """Put a family in its place among the ranked ones; those of equal strength come in the order given."""
    last = len(ranked) - 1
    if ranked[last, 0] >= 0 and abs(total) <= abs(amounts[last, 0]):
        return
    place = last
    while place > 0 and (ranked[place - 1, 0] < 0 or abs(total) > abs(amounts[place - 1, 0])):
        ranked[place] = ranked[place - 1]
        amounts[place] = amounts[place - 1]
        place -= 1
    ranked[place, 0], amounts[place, 0] = family, total
    for at in range(len(facts)):
        ranked[place, 1 + at] = facts[at]
        amounts[place, 2 + at] = parts[facts[at]] if facts[at] >= 0 else 0.0
