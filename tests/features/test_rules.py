"""Every rule of the catalogue is broken by a row, tells both languages, and is silent where it must be."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from features import CONTRACTS, Signals, take_in
from features.signals import Coverage, complete
from features.signals.checks import CHECKS, judge
from features.signals.defects import Defect, defect_kinds
from features.signals.delivery import judge_folder
from tests.features import spec_flags, spec_rules
from tests.features.spec_rules import ELSEWHERE, ID, KEYS, ON, REJECTED, FlaggedRows, Rejected, sound

FLAGGED = (*spec_rules.FLAGGED, *spec_flags.FLAGGED)

_HAN = re.compile(r"[\u4e00-\u9fff]")


def covered(*without: str) -> Coverage:
    feeds = [feed for feed in CONTRACTS if feed not in without]
    return complete(feeds, "500299", dt.date(2015, 1, 1), ON)


def taken(case: FlaggedRows) -> dict[str, Any]:
    """The records of a case as taken in; without a register of its own, the one household is registered."""
    rows: dict[str, list[dict[str, Any]]] = {"household": [{}], **case.rows}
    return {
        feed: take_in(feed, [sound(feed, **change) for change in changes]) for feed, changes in rows.items()
    }


def flagged(case: FlaggedRows, coverage: Coverage, on: dt.date = ON) -> dict[tuple[str, str, str], set[int]]:
    intakes = taken(case)
    for one in intakes.values():
        assert not one.quarantined, one.quarantined
    signals = Signals({feed: one.accepted for feed, one in intakes.items()}, coverage)
    judged = judge(signals, "CN-50", on)
    assert judged.unjudged == ()
    found: dict[tuple[str, str, str], set[int]] = {}
    for feed, one in intakes.items():
        for flag in (*one.flagged, *judged.flagged.get(feed, ())):
            found.setdefault((flag.code, feed, flag.field), set()).update(flag.places)
    return found


def test_every_rule_has_a_row_that_breaks_it() -> None:
    rejected = {one.code for one in REJECTED} | ELSEWHERE
    flags = {one.code for one in FLAGGED}
    kinds = defect_kinds()
    assert rejected == {code for code, one in kinds.items() if one.severity == "reject"}
    assert flags == {code for code, one in kinds.items() if one.severity == "flag"}
    places = {(one.code, one.feed, one.field) for one in CHECKS}
    assert places <= {(one.code, one.feed, one.field) for one in FLAGGED}
    for check in CHECKS:
        assert check.field in {field.surface for field in CONTRACTS[check.feed].fields}
        assert kinds[check.code].severity == "flag"
    # What the platform works out itself has the keys of the register.
    assert {*KEYS, "neighbourhood"} == set(CONTRACTS)


def test_every_rule_tells_both_languages() -> None:
    for one in defect_kinds().values():
        assert one.severity in ("reject", "flag")
        for zh, en in ((one.zh, one.en), (one.way_out_zh, one.way_out_en)):
            assert _HAN.search(zh), one.code
            assert not _HAN.search(en), one.code
            assert names(zh) == names(en), one.code
        assert len({other.zh for other in defect_kinds().values()}) == len(defect_kinds())
    with pytest.raises(KeyError):
        Defect("horoscope")


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("case", REJECTED, ids=lambda one: f"{one.code}-{one.feed}.{one.field}")
def test_rejected(case: Rejected) -> None:
    (row,) = take_in(case.feed, [sound(case.feed, **case.change)]).quarantined
    assert [(one.code, one.field) for one in row.defects] == [(case.code, case.field)]
    (defect,) = row.defects
    assert _HAN.search(defect.way_out_zh)
    assert not re.search(
        r"[{}]", defect.way_out.replace("{1,64}", "") + defect.way_out_zh.replace("{1,64}", "")
    )
    assert take_in(case.feed, [sound(case.feed)]).quarantined == ()


@pytest.mark.parametrize("case", FLAGGED, ids=lambda one: f"{one.code}-{one.feed}")
def test_flagged(case: FlaggedRows) -> None:
    found = flagged(case, covered())
    assert found[case.code, case.feed, case.field] == set(case.places)
    same = [places for (code, feed, _), places in found.items() if (code, feed) == (case.code, case.feed)]
    assert same == [set(case.places)]


@pytest.mark.parametrize(
    ("case", "feed"), [(case, feed) for case in FLAGGED for feed in case.needs],
    ids=lambda one: one if isinstance(one, str) else one.code,
)  # fmt: skip
def test_a_silent_feed_is_no_evidence(case: FlaggedRows, feed: str) -> None:
    assert (case.code, case.feed, case.field) not in flagged(case, covered(feed))
    stale = Coverage([
        *covered(feed).deliveries, *complete([feed], "500299", dt.date(2015, 1, 1), dt.date(2024, 12, 1)).deliveries
    ])  # fmt: skip
    assert (case.code, case.feed, case.field) not in flagged(case, stale)


@pytest.mark.parametrize(
    "case", [one for one in FLAGGED if not one.code.startswith(("id_number", "duplicate"))],
    ids=lambda one: f"{one.code}-{one.feed}",
)  # fmt: skip
def test_what_was_not_known_yet_flags_nothing(case: FlaggedRows) -> None:
    """Judged as of a day on which no row had arrived, although the same tables hold them."""
    assert not [one for one in flagged(case, covered(), dt.date(2020, 1, 1)) if one[0] == case.code]


def test_a_region_without_policy_values_is_told_and_not_judged() -> None:
    case = next(one for one in FLAGGED if one.code == "land_over_limit")
    intakes = taken(case)
    signals = Signals({feed: one.accepted for feed, one in intakes.items()}, covered())
    judged = judge(signals, "UG", ON)
    assert "land_over_limit" in judged.unjudged
    assert "weak_member_match" not in judged.unjudged
    assert judged.flagged == {}


def test_rules_speak_where_their_own_fields_are_in_order() -> None:
    row = sound(
        "illness", household_id="", known_on="2019-01-01", reimbursed_yuan="90", care="magic",
    )  # fmt: skip
    (refused,) = take_in("illness", [row]).quarantined
    told = [(one.code, one.field) for one in refused.defects]
    assert told == [
        ("missing", "household_id"),
        ("unknown_category", "care"),
        ("known_before_occurred", "known_on"),
        ("parts_exceed_total", "self_paid_yuan"),
    ]
    again = CONTRACTS["illness"].parse_row(row)
    assert isinstance(again, list)
    assert [(one.code, one.field) for one in again] == told
    (refused,) = take_in("illness", [{**row, "total_yuan": "much"}]).quarantined
    assert "parts_exceed_total" not in [one.code for one in refused.defects]
    (refused,) = take_in("member", [sound("member", id_number=ID, labour="?")]).quarantined
    assert [one.code for one in refused.defects] == ["unknown_category", "id_number_born_otherwise"]


def test_flags_are_found_in_a_delivery_and_told_by_row_number(tmp_path: Path) -> None:
    lines = [sound("household", household_id="H1,"), sound("household", land_mu="500")]
    header = ",".join(lines[0])
    text = "\n".join([header, *(",".join(f'"{cell}"' for cell in one.values()) for one in lines)])
    (tmp_path / "household.csv").write_text(f"{text}\n")
    (tmp_path / "coverage.csv").write_text("feed,area_code,complete_from,complete_until,known_on\n")
    found = judge_folder(tmp_path, region="CN-50", on=ON).intakes["household"]
    assert (found.rows_in, len(found.accepted), found.flagged_rows) == (2, 1, 1)
    assert found.flag_counts == {("land_over_limit", "land_mu"): 1}
    found_out = tmp_path / "out"
    judge_folder(tmp_path, region="CN-50", on=ON).save(found_out)
    told = (found_out / "flags" / "household.csv").read_text(encoding="utf-8-sig").splitlines()
    assert told[1].startswith('"1","H1","2020-01-01","land_mu","land_over_limit",')
    assert (found_out / "flags" / "household.csv").stat().st_mode & 0o777 == 0o600
