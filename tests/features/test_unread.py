"""Areas that were delivered in a form nobody can read: what they hold is missing, never zero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from features import FEATURES, build_vectors
from features.signals.delivery import TakenIn, judge_folder, take_in_folder
from features.signals.mending import mend
from features.vectors import silent_feeds
from tests.features.test_intake import write

AS_OF = dt.date(2026, 3, 31)
REGION = "CN-50"
COSTS = "illness_self_paid_yuan_12m"
A, B, C, D = "500299001001", "500299001002", "500299002001", "500298001001"
MONTHS = [("2015-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31")]


def claim(household: str, number: int, day: str = "2026-01-05", end: str = "") -> str:
    return f"{household},{day},{day},M{number},inpatient,90000,100,80000,true{end}"


def deliver(
    raw: Path,
    claims: Iterable[str],
    villages: dict[str, str],
    *,
    area: str = "50",
    periods: Iterable[tuple[str, str]] = (("2015-01-01", "2026-03-31"),),
    register: Callable[[str], str] = lambda line: line,
) -> TakenIn:
    """Ten households in each village, named after it, and their claims."""
    raw.mkdir(exist_ok=True)
    homes = [
        register(f"{name}{n},2020-01-01,2020-01-02,{code},other,5")
        for name, code in villages.items()
        for n in range(10)
    ]
    write(raw / "household.csv", "household_id,occurred_on,known_on,village_code,background,land_mu", *homes)
    write(
        raw / "illness.csv",
        "household_id,occurred_on,known_on,member_id,care,total_yuan,reimbursed_yuan,self_paid_yuan,"
        "is_serious_disease",
        *claims,
    )
    stated = [
        f"{feed},{area},{first},{last},{last}"
        for feed in ("household", "member", "illness")
        for first, last in periods
    ]
    write(raw / "member.csv", "household_id,occurred_on,known_on,member_id,born_on,labour,disability_grade,"
          "has_chronic_illness,school")  # fmt: skip
    write(raw / "coverage.csv", "feed,area_code,complete_from,complete_until,known_on", *stated)
    return judge_folder(raw, region=REGION, on=AS_OF)


def covered(taken: TakenIn, village: str) -> bool:
    return taken.signals.coverage.covered("illness", village, AS_OF, REGION) is not None


def test_a_village_that_nobody_can_read_has_no_costs_of_zero(tmp_path: Path) -> None:
    claims = [claim(f"A{n}", n) for n in range(10)] + [claim(f"B{n}", n, end=",") for n in range(10)]
    taken = deliver(tmp_path / "raw", claims, {"A": A, "B": B})
    assert len(taken.intakes["illness"].quarantined) == 10
    # One village of two is half of the feed and no more: the feed itself is not silent.
    assert taken.silent == ()
    costs = build_vectors(taken.signals, [AS_OF], features=[FEATURES[COSTS]])[COSTS].droplevel(1)
    assert (costs[["A0", "A9"]] > 0).all()
    assert costs[[f"B{n}" for n in range(10)]].isna().all()
    silent = silent_feeds(taken.signals, AS_OF)
    assert "illness" in str(silent.loc["B0"])
    assert "illness" not in str(silent.loc["A0"])
    assert {one.area_code for one in taken.signals.coverage.deliveries if one.feed == "illness"} == {A}
    # Other feeds' statements are what they were.
    assert {one.area_code for one in taken.signals.coverage.deliveries if one.feed == "household"} == {"50"}


def test_half_of_a_village_is_read(tmp_path: Path) -> None:
    claims = [claim(f"A{n}", n) for n in range(10)]
    half = [claim(f"B{n}", n, end="," if n < 5 else "") for n in range(10)]
    assert covered(deliver(tmp_path / "raw", claims + half, {"A": A, "B": B}), B)
    most = [claim(f"B{n}", n, end="," if n < 6 else "") for n in range(10)]
    assert not covered(deliver(tmp_path / "raw", claims + most, {"A": A, "B": B}), B)


def test_a_county_and_a_town_are_left_out_whole(tmp_path: Path) -> None:
    """Three claims in four of the county's first town, whichever village: the town goes, its county stays."""
    villages = {"A": A, "B": B, "C": C, "D": D}
    claims = [claim(f"C{n}", n) for n in range(10)] + [claim(f"D{n % 10}", n) for n in range(30)]
    claims += [claim(f"A{n}", n, end=",") for n in range(10)]
    claims += [claim(f"B{n}", n, end=",") for n in range(5)] + [claim(f"B{n}", n) for n in range(5, 10)]
    taken = deliver(tmp_path / "raw", claims, villages)
    left = {one.area_code for one in taken.signals.coverage.deliveries if one.feed == "illness"}
    assert left == {"500298", "500299002"}
    # Eight of the second town's ten, and most of the county is unread.
    claims = [one + "," if one[0] == "C" and one[1] in "01234567" else one for one in claims]
    taken = deliver(tmp_path / "raw", claims, villages)
    left = {one.area_code for one in taken.signals.coverage.deliveries if one.feed == "illness"}
    assert left == {"500298"}


@pytest.mark.parametrize("area", ["50", "500299", "500299001", B])
def test_statements_of_every_level_are_cut(tmp_path: Path, area: str) -> None:
    claims = [claim(f"A{n}", n) for n in range(11)] + [claim(f"B{n}", n, end=",") for n in range(10)]
    taken = deliver(tmp_path / "raw", claims, {"A": A, "B": B}, area=area)
    assert not covered(taken, B)
    assert covered(taken, A) == (area != B)


def test_a_month_of_a_village_is_a_gap_in_that_month(tmp_path: Path) -> None:
    claims = [claim(f"{name}{n}", n) for name in "AB" for n in range(10)]
    claims += [claim(f"A{n}", n, "2026-02-03") for n in range(10)]
    claims += [claim(f"B{n}", n, "2026-02-03", end=",") for n in range(5)]
    taken = deliver(tmp_path / "raw", claims, {"A": A, "B": B}, periods=MONTHS)
    cut = [one for one in taken.signals.coverage.deliveries if one.feed == "illness"]
    assert {one.area_code for one in cut if one.complete_from == dt.date(2026, 2, 1)} == {A}
    assert {one.area_code for one in cut if one.complete_from != dt.date(2026, 2, 1)} == {"50"}
    # Four refused rows of a month are dirt, which waits in the quarantine.
    taken = deliver(tmp_path / "raw", claims[:-1], {"A": A, "B": B}, periods=MONTHS)
    assert {one.area_code for one in taken.signals.coverage.deliveries} == {"50"}


def test_a_row_that_cannot_be_placed_counts_for_the_whole(tmp_path: Path) -> None:
    claims = [claim(f"A{n}", n) for n in range(10)]
    nobodys = [claim(f"X{n}", n, end=",") for n in range(10)]
    taken = deliver(tmp_path / "raw", claims + nobodys, {"A": A})
    assert covered(taken, A)
    taken = deliver(tmp_path / "raw", [*claims, *nobodys, claim("?", 1, end=",")], {"A": A})
    assert taken.silent == ("illness",)


def test_a_refused_register_still_places_its_households(tmp_path: Path) -> None:
    claims = [claim(f"A{n}", n) for n in range(10)] + [claim(f"B{n}", n, end=",") for n in range(9)]
    taken = deliver(
        tmp_path / "raw", claims, {"A": A, "B": B},
        register=lambda line: line.replace("other", "yes") if line.startswith("B") else line,
    )  # fmt: skip
    assert len(taken.intakes["household"].quarantined) == 10
    found = {feed: {one.area_code for one in taken.signals.coverage.deliveries if one.feed == feed}
             for feed in ("household", "illness", "member")}  # fmt: skip
    assert found == {"household": {A}, "illness": {A}, "member": {"50"}}


def test_mending_brings_no_coverage_back_and_a_new_delivery_does(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    claims = [claim(f"A{n}", n) for n in range(10)] + [claim(f"B{n}", n, end=",") for n in range(10)]
    deliver(raw, claims, {"A": A, "B": B})
    assert not covered(take_in_folder(raw, out, region=REGION, on=AS_OF), B)
    path = out / "quarantine" / "illness.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace('true,"', 'true"'), encoding="utf-8-sig")
    mended = mend(out, region=REGION, on=AS_OF)
    assert len(mended["illness"].accepted) == 10
    again = take_in_folder(raw, out, region=REGION, on=AS_OF)
    assert not covered(again, B)
    write(raw / "illness.csv", *(one.rstrip(",") for one in (raw / "illness.csv").read_text().splitlines()))
    assert covered(take_in_folder(raw, out, region=REGION, on=AS_OF), B)
