"""Nothing that is kept back can be worked out: an adversary with all published figures and a solver tries.

The adversary knows the villages, and of which of them a feed is silent, one or every one; that figures add up
over areas and categories, and that counts are whole.
A cell is safe where two values of it fit everything that was published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from serving.disclosure import HOUSEHOLDS, LEAST, NOTHING_KNOWN, Withheld, find_withheld
from serving.storage.area_counts import AreaCounts, areas_of

GRADES = ("high", "medium", "low")
THEMES = ("illness", "other")
HITS = ("hit", "none")
SILENT = "silent"
DIVISIONS = (GRADES, THEMES, HITS)
"""Sets of categories of which every household that has a score has one."""
CELLS = (*GRADES, *THEMES, *HITS, SILENT)
HIT = "crop_loss"
BREAKDOWNS = {"grades": GRADES, "themes": THEMES, f"rule_hits/{HIT}": HITS, NOTHING_KNOWN: (SILENT,)}
ALL = (*GRADES, SILENT)
FEEDS = ("disability", "illness")


def world(villages: Mapping[str, tuple[int, ...]]) -> dict[str, AreaCounts]:
    """Counts at every level from households by grade in each village, and how many of which nothing is known.

    Where there are such, all feeds are silent; of each village with an odd code one of them is. Every other low one has a hit. Themes are halves, so that they are seldom small where a grade is.
    """
    counts: dict[str, AreaCounts] = {}
    for village, (*grades, silent) in {place: (*own, 0)[:4] for place, own in villages.items()}.items():
        scored = sum(grades)
        own = AreaCounts(
            scored + silent,
            Counter(dict(zip(GRADES, grades, strict=True))),
            Counter({"illness": scored // 2, "other": scored - scored // 2}),
            Counter({HIT: grades[2] // 2}),
            Counter(dict.fromkeys(silent_feeds(village, silent), scored + silent)),
            nothing_known=silent,
        )
        for area in areas_of(village):
            counts.setdefault(area, AreaCounts()).add(own)
    return counts


def silent_feeds(village: str, unheard: int) -> Sequence[str]:
    return FEEDS if unheard else FEEDS[: int(village) % 2]


def cells(one: AreaCounts) -> dict[str, int]:
    hits = one.rule_hits[HIT]
    told = {name: one.grades[name] for name in GRADES} | {name: one.themes[name] for name in THEMES}
    return {**told, "hit": hits, "none": one.scored - hits, SILENT: one.nothing_known}


def published(
    counts: Mapping[str, AreaCounts], withheld: Withheld
) -> Iterator[tuple[str, Sequence[str], int]]:
    """Every published figure: area, the categories that it is the sum of, value."""
    for area, one in counts.items():
        hidden = withheld.of(area)
        if HOUSEHOLDS in hidden:
            continue
        yield area, ALL, one.households
        for breakdown, categories in BREAKDOWNS.items():
            # How many have a score and reached no threshold is told by no figure of its own.
            for category in set(categories) - {"none"}:
                if breakdown not in hidden:
                    yield area, [category], cells(one)[category]


def bounds(
    counts: Mapping[str, AreaCounts], withheld: Withheld, village: str, wanted: Sequence[str]
) -> tuple[int, int]:
    """The least and the most that a village's cells can come to, given everything that is known."""
    villages = [one for one in counts if len(one) == 12]
    place = {key: at for at, key in enumerate((v, c) for v in villages for c in CELLS)}
    rows, values = [], []

    def know(value: int, *terms: tuple[str, Sequence[str], int]) -> None:
        row = np.zeros(len(place))
        for area, categories, times in terms:
            for one in villages:
                if one.startswith(area):
                    row[[place[one, name] for name in categories]] += times
        rows.append(row)
        values.append(value)

    for area, categories, value in published(counts, withheld):
        know(value, (area, categories, 1))
    for area, feed in product(counts, FEEDS) if set(wanted) != set(ALL) else ():
        if not withheld.of(area) & {HOUSEHOLDS, f"feeds/{feed}"}:
            of_it = [one for one in villages if one.startswith(area) and counts[one].unknown[feed]]
            know(counts[area].unknown[feed], *((one, ALL, 1) for one in of_it))
    for one in villages:
        for other in DIVISIONS[1:]:
            # What is not told of either, they divide the same households.
            know(0, (one, DIVISIONS[0], 1), (one, other, -1))
        if not counts[one].nothing_known:
            know(0, (one, [SILENT], 1))
    aim = np.zeros(len(place))
    for name in wanted:
        aim[place[village, name]] = 1
    ends = []
    for sign in (1, -1):
        found = linprog(sign * aim, A_eq=np.array(rows), b_eq=values, bounds=(0, 10**4), integrality=1)
        assert found.status == 0, found.message
        ends.append(sign * found.fun)
    return round(ends[0]), round(ends[1])


def check_nothing_is_given_away(counts: Mapping[str, AreaCounts]) -> int:
    """How many small cells were kept back, and could not be worked out."""
    withheld, tried = find_withheld(counts), 0
    for area, one in counts.items():
        hidden = withheld.of(area)
        if 0 < one.households < LEAST:
            assert HOUSEHOLDS in hidden
        for breakdown, parts in BREAKDOWNS.items():
            is_small = any(0 < cells(one)[name] < LEAST for name in parts)
            assert not is_small or HOUSEHOLDS in hidden or breakdown in hidden
        if len(area) < 12:
            continue
        told: dict[str, Sequence[str]] = {name: [name] for name in CELLS}
        told |= {"households": ALL, "scored": GRADES}
        sums = {**cells(one), "households": one.households, "scored": one.scored}
        for name, categories in told.items():
            # What all of them have in common is no more than how many there are.
            if 0 < sums[name] < LEAST and (name == "households" or sums[name] < one.households):
                least, most = bounds(counts, withheld, area, categories)
                assert least < most, (area, name, sums[name])
                tried += 1
    return tried


CODES = [
    f"50{city:02}{county:02}{town:03}{village:03}"
    for city in (1, 2) for county in (1, 2) for town in (1, 2) for village in (1, 2, 3)
]  # fmt: skip
CELL = st.one_of(st.integers(0, 6), st.integers(0, 40))
HEARD = st.tuples(CELL, CELL, CELL, st.just(0))
# Of most villages that are silent nobody has a score.
UNHEARD = st.one_of(st.tuples(CELL, CELL, CELL, CELL), st.tuples(st.just(0), st.just(0), st.just(0), CELL))
WORLDS = st.dictionaries(
    st.sampled_from(CODES), st.one_of(HEARD, UNHEARD).filter(any), min_size=1, max_size=9
)


@given(WORLDS)
@settings(max_examples=40, deadline=None)
def test_no_small_cell_of_a_village_can_be_worked_out(villages: dict[str, tuple[int, ...]]) -> None:
    check_nothing_is_given_away(world(villages))


def test_one_small_village_among_large_ones_takes_another_with_it() -> None:
    villages = dict.fromkeys(CODES[:6], (10, 10, 40))
    villages[CODES[0]] = (3, 20, 40)
    counts = world(villages)
    withheld = find_withheld(counts)
    hidden = [one for one in CODES[:6] if "grades" in withheld.of(one)]
    # Its own, and one of its town: the town, the county and the province are published.
    assert hidden == CODES[:2]
    assert not any(withheld.of(area) for area in counts if len(area) < 12)
    assert check_nothing_is_given_away(counts) == 1


def test_a_town_of_one_village_takes_one_of_the_next_town() -> None:
    villages = {CODES[0]: (2, 20, 40), CODES[3]: (10, 10, 40), CODES[4]: (10, 10, 30)}
    withheld = find_withheld(world(villages))
    towns = [one[:9] for one in villages]
    assert "grades" in withheld.of(towns[0])
    assert "grades" in withheld.of(towns[1])
    assert "grades" in withheld.of(CODES[4])
    assert "grades" not in withheld.of("500101")
    assert check_nothing_is_given_away(world(villages)) >= 1


def test_without_the_second_one_the_adversary_wins() -> None:
    """The check itself is checked: with small cells alone kept back, subtraction gives one away."""
    villages = dict.fromkeys(CODES[:3], (10, 10, 40))
    villages[CODES[0]] = (3, 20, 40)
    counts = world(villages)
    naive = Withheld({CODES[0]: frozenset({"grades", "themes"})})
    assert bounds(counts, naive, CODES[0], ["high"]) == (3, 3)


def test_how_many_of_a_silent_village_have_a_score_is_not_worked_out_from_heard_ones_beside() -> None:
    """That these have nobody without a score is told by their feeds."""
    villages = {CODES[0]: (3, 0, 0, 97), CODES[1]: (3, 0, 297), CODES[3]: (9, 9, 30, 200)}
    counts = world(villages)
    naive = {area: frozenset(BREAKDOWNS) for area in CODES[:2]}
    assert bounds(counts, Withheld(naive), CODES[0], GRADES) == (3, 3)
    withheld = find_withheld(counts)
    assert [one for one in villages if NOTHING_KNOWN in withheld.of(one)] == [CODES[0], CODES[3]]
    assert bounds(counts, withheld, CODES[0], GRADES)[1] > 3


def test_a_village_of_which_nothing_is_known_hides_no_grade() -> None:
    """Nobody there has one: it is no second to another."""
    villages = {CODES[0]: (3, 20, 40), CODES[1]: (0, 0, 0, 50), CODES[2]: (10, 10, 70)}
    counts = world(villages)
    naive = Withheld({area: frozenset({"grades"}) for area in CODES[:2]})
    assert bounds(counts, naive, CODES[0], ["high"]) == (3, 3)
    withheld = find_withheld(counts)
    assert [one for one in villages if "grades" in withheld.of(one)] == [CODES[0], CODES[2]]
    assert not any(NOTHING_KNOWN in withheld.of(one) for one in counts)
    assert check_nothing_is_given_away(counts) >= 1


def test_where_everything_is_large_or_nothing_nothing_is_kept_back() -> None:
    assert find_withheld(world(dict.fromkeys(CODES, (5, 0, 30)))).areas == {}


def test_one_small_village_alone_hides_all_above_it() -> None:
    counts = world({CODES[0]: (1, 0, 2)})
    assert all(HOUSEHOLDS in find_withheld(counts).of(area) for area in counts)


@pytest.mark.parametrize("seed", range(3))
def test_a_county_of_many_villages(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = [f"500101{town:03}{village:03}" for town in range(1, 5) for village in range(1, 6)]
    villages = {one: (int(rng.poisson(3)), int(rng.poisson(8)), int(rng.poisson(60))) for one in codes}
    assert check_nothing_is_given_away(world(villages)) > 3
