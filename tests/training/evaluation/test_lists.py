"""Lists at capacity against brute force over all orders of ties, area by area."""

from __future__ import annotations

import itertools
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.capacity import Areas
from training.evaluation.lists import cut, listed

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)), min_size=2, max_size=7)


def areas_of(index: list[int], visits: list[int]) -> Areas:
    found = np.array(index, dtype=np.int64)
    sizes = np.bincount(found, minlength=len(visits)).astype(np.int64)
    codes = tuple(map(str, range(len(visits))))
    return Areas(codes, found, sizes, np.minimum(np.array(visits, dtype=np.int64), sizes))


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 3), st.integers(0, 3))
def test_worst_mean_and_best_are_those_of_all_orders(
    rows: list[tuple[int, int, int]], first: int, second: int
) -> None:
    labels, ranks, index = (np.array(one) for one in zip(*rows, strict=True))
    areas = areas_of(index.tolist(), [first, second])
    hits: list[int] = []
    chances: list[np.ndarray] = []
    for order in itertools.permutations(range(len(rows))):
        if any(ranks[one] < ranks[other] for one, other in itertools.pairwise(order)):
            continue
        visited = np.zeros(len(rows))
        for area, visits in enumerate(areas.visits):
            visited[[one for one in order if index[one] == area][:visits]] = 1
        hits.append(int((visited * labels).sum()))
        chances.append(visited)
    found = cut(ranks.astype(float), areas)
    worst, mean, best = found.found(labels)
    assert (worst, best) == (min(hits), max(hits))
    assert mean == pytest.approx(fmean(hits))
    assert found.chance == pytest.approx(np.mean(chances, axis=0))


@given(ROWS, st.integers(0, 3), st.integers(0, 3))
def test_a_list_takes_each_areas_first(rows: list[tuple[int, int, int]], first: int, second: int) -> None:
    _, ranks, index = (np.array(one) for one in zip(*rows, strict=True))
    areas = areas_of(index.tolist(), [first, second])
    on = listed(ranks.astype(float), areas)
    for area, visits in enumerate(areas.visits):
        order = sorted(np.flatnonzero(index == area), key=lambda row: (-ranks[row], row))
        assert np.flatnonzero(on & (index == area)).tolist() == sorted(order[:visits])
