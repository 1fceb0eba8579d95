"""Nothing that is kept back can be worked out: an adversary with all published figures and a solver tries.

The adversary knows the villages, that figures add up over areas and categories, and that counts are whole.
A cell is safe where two values of it fit everything that was published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from serving.disclosure import HOUSEHOLDS, LEAST, Withheld, find_withheld
from serving.storage.area_counts import AreaCounts, areas_of

GRADES = ("high", "medium", "low")
THEMES = ("illness", "other")
SILENT = "silent"


def world(villages: Mapping[str, tuple[int, ...]]) -> dict[str, AreaCounts]:
    """Counts at every level from households by grade in each village, and how many of which nothing is known.

    Every other low one has a hit. Themes are halves, so that they are seldom small where a grade is.
    """
    counts: dict[str, AreaCounts] = {}
    for village, (*grades, silent) in {place: (*own, 0)[:4] for place, own in villages.items()}.items():
        scored = sum(grades)
        own = AreaCounts(
            scored + silent,
            Counter(dict(zip(GRADES, grades, strict=True))),
            Counter({"illness": scored // 2, "other": scored - scored // 2}),
            Counter({"crop_loss": grades[2] // 2}),
            nothing_known=silent,
        )
        for area in areas_of(village):
            counts.setdefault(area, AreaCounts()).add(own)
    return counts


def published(
    counts: Mapping[str, AreaCounts], withheld: Withheld, breakdown: str
) -> Iterator[tuple[str, Sequence[str], int]]:
    """Every published figure: area, the categories that it is the sum of, value."""
    for area, one in counts.items():
        hidden = withheld.of(area)
        if HOUSEHOLDS in hidden:
            continue
        for categories in divisions(breakdown):
            yield area, categories, one.households
        for category, value in cells(one, breakdown).items():
            if ("themes" if category in THEMES else breakdown) not in hidden:
                yield area, [category], value


def divisions(breakdown: str) -> tuple[tuple[str, ...], ...]:
    """Sets of categories of which every household has one: grades and themes divide the same ones."""
    return ((*GRADES, SILENT), (*THEMES, SILENT)) if breakdown == "grades" else (("hit", "none"),)


def cells(one: AreaCounts, breakdown: str) -> dict[str, int]:
    if breakdown == "grades":
        told = {name: one.grades[name] for name in GRADES} | {name: one.themes[name] for name in THEMES}
        return {**told, SILENT: one.nothing_known}
    hits = one.rule_hits[breakdown.partition("/")[2]]
    return {"hit": hits, "none": one.households - hits}


def totals(breakdown: str) -> dict[str, tuple[str, ...]]:
    """What no figure tells by itself, and is as good as told where its parts are or the rest is."""
    own = divisions(breakdown)[0]
    return {"households": own, "scored": GRADES} if breakdown == "grades" else {"households": own}


def bounds(
    counts: Mapping[str, AreaCounts], withheld: Withheld, breakdown: str, village: str, wanted: Sequence[str]
) -> tuple[int, int]:
    """The least and the most that a village's cells can come to, given everything that is published."""
    villages = [one for one in counts if len(one) == 12]
    categories = list(cells(counts[village], breakdown))
    place = {key: at for at, key in enumerate((v, c) for v in villages for c in categories)}
    rows, values = [], []
    for area, told, value in published(counts, withheld, breakdown):
        row = np.zeros(len(place))
        for one in villages:
            if one.startswith(area):
                for name in told:
                    row[place[one, name]] = 1
        rows.append(row)
        values.append(value)
    first, *others = divisions(breakdown)
    for one in villages:
        for other in others:
            # What is not told of either, they divide the same households.
            row = np.zeros(len(place))
            row[[place[one, name] for name in first]] += 1
            row[[place[one, name] for name in other]] -= 1
            rows.append(row)
            values.append(0)
    aim = np.zeros(len(place))
    for name in wanted:
        aim[place[village, name]] = 1
    ends = []
    for sign in (1, -1):
        found = linprog(
            sign * aim, A_eq=np.array(rows) if rows else None, b_eq=values or None, bounds=(0, 10**4),
            integrality=1,
        )  # fmt: skip
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
        for breakdown in ("grades", "rule_hits/crop_loss"):
            is_small = any(0 < value < LEAST for value in cells(one, breakdown).values())
            assert not is_small or HOUSEHOLDS in hidden or breakdown in hidden
            if len(area) < 12:
                continue
            told = {name: (name,) for name in cells(one, breakdown)} | totals(breakdown)
            sums = {"households": one.households, "scored": one.scored, **cells(one, breakdown)}
            for name, categories in told.items():
                if 0 < sums[name] < LEAST:
                    least, most = bounds(counts, withheld, breakdown, area, categories)
                    assert least < most, (area, breakdown, name, sums[name])
                    tried += 1
    return tried


CODES = [
    f"50{city:02}{county:02}{town:03}{village:03}"
    for city in (1, 2) for county in (1, 2) for town in (1, 2) for village in (1, 2, 3)
]  # fmt: skip
CELL = st.one_of(st.integers(0, 6), st.integers(0, 40))
WORLDS = st.dictionaries(
    st.sampled_from(CODES), st.tuples(CELL, CELL, CELL, CELL).filter(any), min_size=1, max_size=9
)


@given(WORLDS)
@settings(max_examples=60, deadline=None)
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
    assert bounds(counts, naive, "grades", CODES[0], ["high"]) == (3, 3)


def test_how_many_have_a_score_is_not_worked_out_from_the_themes_beside() -> None:
    villages = {CODES[0]: (3, 0, 0, 97), CODES[1]: (3, 0, 297), CODES[2]: (60, 60, 80)}
    counts = world(villages)
    withheld = find_withheld(counts)
    assert [one for one in CODES[:3] if "grades" in withheld.of(one)] == CODES[:2]
    least, most = bounds(counts, withheld, "grades", CODES[0], GRADES)
    assert least < most


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
