"""The cut of lists beside brute force: whom it takes, in which order, what it says of ties and of the lot."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.capacity import Capacity, Quota
from scoring.errors import CapacityError
from serving.cases.list_making import make_lists
from serving.cases.visit_shares import share_among_grids, share_visits
from serving.cases.worklist import Candidate, LeftOut, Why, cut_list, draw_by_lot

TRIED = settings(derandomize=True, database=None, deadline=None, max_examples=100)
VILLAGE = "500999100201"

days = st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 4))
a_candidate = st.builds(
    Candidate, st.uuids().map(str), st.just(VILLAGE), st.sampled_from(["", "g1", "g2"]),
    st.sampled_from([0.1, 0.2, 0.3]) | st.none(), st.booleans(), days,
    st.sampled_from([None, None, None, LeftOut.VISITED_LATELY, LeftOut.CASE_FURTHER_ON]),
)  # fmt: skip
some = st.lists(a_candidate, max_size=12, unique_by=lambda one: one.household_id)


def is_before(one: Candidate, other: Candidate) -> bool:
    """Whether one comes before another of the same kind, rule by rule."""
    if one.score != other.score:
        return other.score is None or (one.score is not None and one.score > other.score)
    if one.last_visited_on != other.last_visited_on:
        if one.last_visited_on is None or other.last_visited_on is None:
            return one.last_visited_on is None
        return one.last_visited_on < other.last_visited_on
    hashes = [hashlib.sha256(f"\n{VILLAGE}\n{c.household_id}".encode()).hexdigest() for c in (one, other)]
    return hashes[0] < hashes[1]


@TRIED
@given(some, st.integers(0, 8))
def test_the_cut_is_that_of_brute_force(told: list[Candidate], visits: int) -> None:
    cut = cut_list(told, visits)
    there = [one for one in told if one.left_out is None]
    hard = {one.household_id for one in there if one.is_hard}
    soft = [one for one in there if not one.is_hard]
    # A household is taken when fewer come before it than there are places left.
    room = max(0, visits - len(hard))
    taken = {
        one.household_id
        for one in soft
        if sum(is_before(other, one) for other in soft if other is not one) < room
    }
    by_key = {one.household_id: one for one in told}
    assert {one.household_id for one in cut.entries if one.why is Why.HARD} == hard
    unheard = {one for one in taken if by_key[one].score is None}
    assert {one.household_id for one in cut.entries if one.why is Why.SCORE} == taken - unheard
    assert {one.household_id for one in cut.entries if one.why is Why.UNHEARD} == unheard
    assert {one.household_id for one in cut.unlisted} == {one.household_id for one in soft} - taken
    assert [one.place for one in cut.entries] == list(range(1, len(cut.entries) + 1))
    for one, other in itertools.pairwise(cut.entries):
        if one.why is other.why:
            assert is_before(by_key[one.household_id], by_key[other.household_id])
        else:
            order = [Why.HARD, Why.SCORE, Why.UNHEARD]
            assert order.index(one.why) < order.index(other.why)
    assert cut.above_capacity == max(0, len(hard) - visits)
    assert cut.left_out == Counter(one.left_out.value for one in told if one.left_out)
    if taken:
        scores = [by_key[one].score for one in taken]
        border = min((one for one in scores if one is not None), default=None)
        assert cut.border == border
        rest = [
            one
            for one in soft
            if one.household_id not in taken and one.score == border and border is not None
        ]
        assert cut.tied_unlisted == len(rest)
        tied = {one.household_id for one in cut.entries if one.is_tied}
        assert tied == ({one for one in taken if by_key[one].score == border} if rest else set())
    else:
        assert (cut.border, cut.tied_unlisted) == (None, 0)


@TRIED
@given(some, st.integers(0, 8), st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_nothing(told: list[Candidate], visits: int, rng: object) -> None:
    shuffled = [*told]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cut_list(shuffled, visits).entries == cut_list(told, visits).entries


def pool_of(size: int) -> list[Candidate]:
    return [Candidate(f"H{n}", VILLAGE, "", 0.1) for n in range(size)]


def test_the_lot_gives_everybody_the_chance_it_says() -> None:
    pool, counts = pool_of(20), Counter[str]()
    for seed in range(2_000):
        drawn, chance = draw_by_lot(pool, 5, f"s{seed}")
        assert (len(drawn), chance) == (5, 0.25)
        counts.update(one.household_id for one in drawn)
    # Of 2,000 draws at 1 in 4 each: 500 ± 4.5 standard deviations.
    assert len(counts) == 20
    assert all(abs(count - 500) < 4.5 * (2_000 * 0.25 * 0.75) ** 0.5 for count in counts.values())
    assert draw_by_lot(pool, 5, "s") == draw_by_lot(pool[::-1], 5, "s")
    assert draw_by_lot(pool, 5, "s") != draw_by_lot(pool, 5, "t")
    assert draw_by_lot(pool, 99, "s")[1] == 1.0
    assert draw_by_lot(pool, 0, "s") == draw_by_lot([], 3, "s") == ([], 0.0)


def test_lists_of_an_area_and_the_lot_beside_them() -> None:
    villages = {f"5009991002{n:02}": 40 for n in range(5)}
    told = [
        Candidate(f"H{village[-2:]}-{n}", village, "", n / 100, is_hard=n == 7)
        for village, size in villages.items()
        for n in range(size)
    ]
    made = make_lists(told, dict.fromkeys(villages, 3), is_by_grid=False, random_visits=4, seed="x")
    assert [made.count(one) for one in (Why.HARD, Why.SCORE, Why.RANDOM)] == [5, 10, 4]
    assert (made.drawn, made.pool) == (4, 200 - 15)
    drawn = [one for one in made.entries if one.why is Why.RANDOM]
    assert {one.chance for one in drawn} == {4 / 185}
    listed = [(one.village_code, one.place) for one in made.entries]
    assert listed == sorted(listed)
    assert len(set(listed)) == len(listed) == 19
    keys = [one.household_id for one in made.entries]
    assert len(set(keys)) == 19


def test_a_village_shares_its_visits_among_its_grids() -> None:
    told = [Candidate(f"H{n}", VILLAGE, "g1" if n < 30 else "g2", n / 100) for n in range(40)]
    made = make_lists(told, {VILLAGE: 4}, is_by_grid=True, random_visits=0, seed="x")
    assert {grid: len(cut.entries) for (_, grid), cut in made.cuts.items()} == {"g1": 3, "g2": 1}
    assert [one.household_id for one in made.entries] == ["H29", "H28", "H27", "H39"]
    assert share_among_grids(4, {"g1": 30, "g2": 10}) == {"g1": 3, "g2": 1}


@TRIED
@given(
    st.dictionaries(
        st.sampled_from([f"5009991{town}02{n:02}"[:12] for town in ("00", "01") for n in range(4)]),
        st.integers(1, 300), min_size=1,
    ),
    st.floats(0.01, 0.9),
    st.sampled_from(["all", "county", "township", "village"]),
)  # fmt: skip
def test_villages_have_as_many_visits_as_in_training(sizes: dict[str, int], share: float, level: str) -> None:
    capacity = Capacity(Quota(share=share), level)
    made = share_visits(capacity, "500999", sizes)
    rows = np.array([village for village, size in sizes.items() for _ in range(size)], dtype=object)
    trained = capacity.divide(rows, len(rows))
    # Area by area of the level that training cut at, it is the same k.
    for code, visits in zip(trained.codes, trained.visits, strict=True):
        ours = {village: count for village, count in made.items() if village.startswith(code)}
        assert sum(ours.values()) == visits
        whole = sum(sizes[one] for one in ours)
        assert all(abs(count - visits * sizes[one] / whole) < 1 for one, count in ours.items())


def test_overrides_of_elsewhere_do_not_matter_and_of_around_do() -> None:
    sizes = {"500999100201": 50, "500999101201": 50}
    far = ("510199100", Quota(visits=9))
    assert share_visits(Capacity(Quota(visits=3), "township", (far,)), "500999", sizes) == dict.fromkeys(
        sizes, 3
    )
    around = Capacity(Quota(visits=30), "county", (("500999", Quota(share=0.1)),))
    assert share_visits(around, "500999100", {"500999100201": 50}) == {"500999100201": 5}
    with pytest.raises(CapacityError, match="30 visits for a whole county"):
        share_visits(Capacity(Quota(visits=30), "county"), "500999100", {"500999100201": 50})
    with pytest.raises(CapacityError, match="a whole country"):
        share_visits(Capacity(Quota(visits=30)), "500999", sizes)
    assert share_visits(Capacity(Quota(visits=30)), "500999", {}) == {}
