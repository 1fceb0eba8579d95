"""Capacity: what each area can visit, and how a share becomes whole visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.capacity import Capacity, CapacityEntry, Quota, apportion
from scoring.errors import CapacityError


def villages(*counts: tuple[str, int]) -> np.ndarray:
    return np.array([code for code, count in counts for _ in range(count)], dtype=object)


def test_one_list_over_everything_needs_no_areas() -> None:
    found = Capacity(Quota(share=0.01)).divide(None, 20_000)
    assert (found.codes, found.total) == (("",), 200)


def test_each_township_gets_its_share_and_overrides_their_own() -> None:
    codes = villages(
        ("500299001001", 150), ("500299001002", 150), ("500299002001", 100), ("500299003001", 40)
    )
    capacity = Capacity(
        Quota(share=0.1), "township", (("500299002", Quota(visits=7)), ("500299003", Quota(share=0.5)))
    )
    found = capacity.divide(codes, len(codes))
    assert found.codes == ("500299001", "500299002", "500299003")
    assert found.households.tolist() == [300, 100, 40]
    assert found.visits.tolist() == [30, 7, 20]


def test_nobody_visits_more_households_than_there_are() -> None:
    codes = villages(("500299001001", 3), ("500299001002", 30))
    assert Capacity(Quota(visits=10), "village").divide(codes, 33).visits.tolist() == [3, 10]


def test_a_capacity_of_nothing_is_one_visit_in_the_largest_area() -> None:
    codes = villages(("500299001001", 3), ("500299001002", 30))
    assert Capacity(Quota(share=0.001), "village").divide(codes, 33).visits.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("capacity", "codes", "said"),
    [
        (Capacity(Quota(share=0.1), "village"), None, "have no area codes"),
        (Capacity(Quota(share=0.1), "village"), villages(("500299", 5)), "are shorter"),
        (
            Capacity(Quota(share=0.1), "county", (("500230", Quota(visits=1)),)),
            villages(("500299001001", 5)),
            "override for 500230: no household",
        ),
    ],
)
def test_areas_that_are_not_there_are_named(capacity: Capacity, codes: np.ndarray | None, said: str) -> None:
    with pytest.raises(CapacityError, match=said):
        capacity.divide(codes, 5)


def test_largest_remainders_by_hand() -> None:
    # 10 % of 100 is 10 visits: exactly 4.7, 2.9, 2.4. Whole parts give 8, the two left go to .9 and .7.
    assert apportion(0.1, np.array([47, 29, 24])).tolist() == [5, 3, 2]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), st.floats(0.001, 0.999))
def test_apportioned_visits_add_up_and_stay_near(households: list[int], share: float) -> None:
    sizes = np.array(households)
    total = round(share * int(sizes.sum()))
    visits = apportion(share, sizes)
    assert visits.sum() == total
    assert (np.abs(visits - sizes * total / sizes.sum()) < 1).all()
    assert (visits <= sizes).all()


@pytest.mark.parametrize(
    "capacity",
    [
        Capacity(Quota(share=0.01)),
        Capacity(Quota(visits=3), "village"),
        Capacity(
            Quota(share=0.1), "township", (("500299002", Quota(visits=7)), ("500299003", Quota(share=0.5)))
        ),
    ],
)
def test_the_manifest_tells_a_capacity_whole(capacity: Capacity) -> None:
    said = CapacityEntry.of(capacity).model_dump_json()
    assert CapacityEntry.model_validate_json(said).capacity() == capacity


@pytest.mark.parametrize("wrong", [{}, {"share": 0.1, "visits": 3}, {"share": 1.0}, {"visits": -1}])
def test_a_capacity_that_is_none_is_no_entry(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        CapacityEntry.model_validate({"level": "all", **wrong})
