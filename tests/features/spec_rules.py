"""Every rule of intake as rows: what breaks it, and what comes close to it and does not.

`REJECTED`: one row of a feed, changed, has exactly this defect at this field. `FLAGGED`: a household and its
records; the rows of one feed with these places are named and no others. Dates are those of a delivery of
31 March 2026 in Chongqing: the line is 8,700 yuan, 7,300 in 2023.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

ON = dt.date(2026, 3, 31)
ID = "11010519491231002X"
"""The example of GB 11643."""


@dataclass(frozen=True)
class Rejected:
    code: str
    feed: str
    field: str
    change: dict[str, Any]


@dataclass(frozen=True)
class FlaggedRows:
    code: str
    feed: str
    field: str
    places: tuple[int, ...]
    rows: dict[str, list[dict[str, Any]]]
    needs: tuple[str, ...] = ()
    """Feeds without whose coverage the rule is silent."""


DATES = {"occurred_on": "2020-01-01", "known_on": "2020-01-02"}
SOUND: dict[str, dict[str, Any]] = {
    "household": {"village_code": "500299001001", "background": "other", "land_mu": "5"},
    "member": {
        "member_id": "M1", "born_on": "1980-05-05", "labour": "ordinary", "disability_grade": "0",
        "has_chronic_illness": "false", "school": "none",
    },
    "income": {"source": "business", "amount_yuan": "20000", "cost_yuan": "0"},
    "illness": {
        "member_id": "M1", "care": "inpatient", "total_yuan": "100", "reimbursed_yuan": "60",
        "self_paid_yuan": "40", "is_serious_disease": "false",
    },
    "employment": {"member_id": "M1", "work": "migrant", "monthly_wage_yuan": "3000"},
    "identification": {"object_type": "marginal"},
    "assistance": {"kind": "dibao", "monthly_yuan": "300"},
    "water": {"supply": "safe"},
    "housing": {"grade": "A"},
    "insurance": {"member_id": "M1", "is_subsidised": "false"},
    "guarantee": {"item": "food", "answer": "yes"},
    "schooling": {
        "member_id": "M1", "stage": "compulsory", "cost_yuan": "0", "aid_yuan": "0", "is_dropped_out": "false",
    },
    "account": {"line": "crops", "amount_yuan": "1000"},
    "accident": {
        "member_id": "M1", "kind": "traffic", "injury": "slight", "loss_yuan": "0", "compensated_yuan": "0",
    },
    "disaster": {
        "hazard": "flood", "loss_yuan": "0", "crop_loss_percent": "0", "is_house_damaged": "false",
    },
    "civil": {"member_id": "M1", "kind": "death", "is_earner": "false"},
    "production": {"branch": "crops", "trouble": "failure", "loss_yuan": "0", "loss_percent": "0"},
    "loan": {"loan_id": "L1", "purpose": "other", "outstanding_yuan": "0", "overdue_days": "0"},
    "disability": {"member_id": "M1", "change": "issued", "grade": "4"},
    "declaration": {"channel": "self"},
}  # fmt: skip


def sound(feed: str, **change: Any) -> dict[str, Any]:
    """A row with nothing wrong in it, with some cells changed; every cell is text, as in a file."""
    return {"household_id": "H1", **DATES, **SOUND[feed], **change}


KEYS = {
    feed: ("household_id", *(key for key in ("member_id", "loan_id") if key in SOUND[feed])) for feed in SOUND
}
"""The keys of each feed that departments deliver."""

REJECTED = (
    Rejected("missing", "income", "household_id", {"household_id": ""}),
    Rejected("missing", "member", "id_number", {"id_number": ""}),
    Rejected("not_text", "income", "household_id", {"household_id": 500299001001}),
    Rejected("not_text", "income", "source", {"source": 1}),
    Rejected("malformed", "income", "household_id", {"household_id": "H1,"}),
    Rejected("key_is_a_number_of_somebody", "income", "household_id", {"household_id": ID}),
    Rejected("not_a_date", "income", "occurred_on", {"occurred_on": "2020-02-30"}),
    Rejected("out_of_range", "household", "land_mu", {"land_mu": "-1"}),
    Rejected("not_a_number", "income", "amount_yuan", {"amount_yuan": "1.2万元"}),
    Rejected("too_precise", "income", "amount_yuan", {"amount_yuan": 0.005}),
    Rejected("not_a_flag", "civil", "is_earner", {"is_earner": "perhaps"}),
    Rejected("unknown_category", "income", "source", {"source": "gifts"}),
    Rejected("known_before_occurred", "income", "known_on", {"known_on": "2019-12-31"}),
    Rejected(
        "ended_before_start", "employment", "ended_on",
        {"ended_on": "2019-12-31", "ended_known_on": "2020-02-01"},
    ),
    Rejected("end_undated", "employment", "ended_known_on", {"ended_on": "2020-12-31"}),
    Rejected("parts_exceed_total", "illness", "self_paid_yuan", {"reimbursed_yuan": "60.01"}),
    Rejected("id_number_lost_digits", "member", "id_number", {"id_number": "5.00299E+17"}),
    Rejected("id_number_lost_digits", "member", "id_number", {"id_number": 5.00299199001011e17}),
    Rejected("id_number_rounded", "member", "id_number", {"id_number": "110105194912310000"}),
    Rejected("id_number_length", "member", "id_number", {"id_number": ID[:-1]}),
    Rejected("id_number_length", "member", "id_number", {"id_number": "110105491231002"}),
    Rejected("id_number_length", "member", "id_number", {"id_number": f"{ID}4"}),
    Rejected("id_number_malformed", "member", "id_number", {"id_number": ID.lower()}),
    Rejected("id_number_malformed", "member", "id_number", {"id_number": f"{ID},"}),
    Rejected("id_number_malformed", "member", "id_number", {"id_number": f" {ID}"}),
    Rejected("id_number_malformed", "member", "id_number", {"id_number": f"{ID}49"}),
    Rejected("id_number_birth_date", "member", "id_number", {"id_number": "110105194902300021"}),
    Rejected("id_number_checksum", "member", "id_number", {"id_number": f"{ID[:-1]}1"}),
    Rejected("id_number_born_otherwise", "member", "id_number", {"id_number": ID, "born_on": "1949-12-30"}),
)  # fmt: skip
"""Codes of single rows. `repeated_row`, `wrong_field_count` and those of JSON have tests of their own."""

ELSEWHERE = {"repeated_row", "wrong_field_count", "not_one_line", "unknown_field", "wrong_type"}

MONITORED = {"occurred_on": "2024-06-01", "known_on": "2024-06-10"}
_ENDED = {**MONITORED, "ended_on": "2025-06-01", "ended_known_on": "2025-06-02"}
RECENT = {"occurred_on": "2025-09-01", "known_on": "2025-10-01"}
_CHILD = {"labour": "none", "born_on": "2015-05-05"}

FLAGGED = (
    FlaggedRows(
        "id_number_is_certificate", "member", "id_number", (0, 1),
        {"member": [
            {"id_number": f"{ID}41", "born_on": "1949-12-31"},
            {"id_number": f"{ID}73B1", "born_on": "1949-12-31", "household_id": "H2"},
            {"id_number": ID, "born_on": "1949-12-31", "household_id": "H3"},
        ]},
    ),
    FlaggedRows(
        "id_number_ends_in_zeros", "member", "id_number", (0,),
        {"member": [
            {"id_number": "110105194912301000", "born_on": "1949-12-30"},
            {"id_number": ID, "born_on": "1949-12-31", "household_id": "H2"},
        ]},
    ),
    FlaggedRows(
        "duplicate_id_number", "member", "id_number", (0, 2),
        {"member": [
            {"id_number": ID, "born_on": "1949-12-31"},
            # The same member after a change is no duplicate, and neither is another number.
            {"id_number": "110105198001010032", "born_on": "1980-01-01", "member_id": "M2"},
            {"id_number": ID, "born_on": "1949-12-31", "member_id": "M3", "household_id": "H2"},
        ]},
    ),
    FlaggedRows(
        "member_in_two_households", "member", "member_id", (0, 1),
        {"member": [
            {"ended_on": "2022-01-01", "ended_known_on": "2022-02-01"},
            {"household_id": "H2", "occurred_on": "2021-12-01", "known_on": "2022-01-01"},
            # One moved on the day the other stay ended; one has only just moved.
            {"member_id": "M2", "ended_on": "2022-01-01", "ended_known_on": "2022-02-01"},
            {"member_id": "M2", "household_id": "H2", "occurred_on": "2022-01-01", "known_on": "2022-01-01"},
            {"member_id": "M3"},
            {"member_id": "M3", "household_id": "H2", "occurred_on": "2026-02-01", "known_on": "2026-02-02"},
        ]},
    ),
    FlaggedRows(
        "weak_member_match", "member", "born_on", (0, 1),
        {"member": [
            {"ended_on": "2022-01-01", "ended_known_on": "2022-02-01"},
            {"occurred_on": "2022-01-01", "known_on": "2022-01-01", "born_on": "1981-05-05"},
            {"member_id": "M2"},
        ]},
    ),
    FlaggedRows(
        "work_before_previous_end", "employment", "occurred_on", (1,),
        {"employment": [
            {"ended_on": "2022-01-01", "ended_known_on": "2022-02-01"},
            {"occurred_on": "2021-12-31", "known_on": "2022-01-05", "ended_on": "2023-01-01",
             "ended_known_on": "2023-01-01"},
            {"occurred_on": "2023-01-01", "known_on": "2023-01-05"},
            # Its end may still be under way.
            {"occurred_on": "2026-03-01", "known_on": "2026-03-05", "work": "local"},
        ]},
    ),
    *(
        FlaggedRows(
            "spells_overlap", feed, "occurred_on", (1,),
            {feed: [
                {"ended_on": "2022-01-01", "ended_known_on": "2022-02-01"},
                {"occurred_on": "2021-12-31", "known_on": "2022-01-05", **change},
                {"household_id": "H2"},
            ]},
        )
        for feed, change in (
            ("household", {}), ("member", {}), ("housing", {"grade": "B"}), ("water", {}), ("insurance", {}),
            ("guarantee", {"answer": "no"}), ("identification", {}), ("assistance", {"monthly_yuan": "1"}),
        )
    ),
    FlaggedRows(
        "land_over_limit", "household", "land_mu", (0,),
        {"household": [{"land_mu": "101"}, {"household_id": "H2", "land_mu": "100"}]},
    ),
    FlaggedRows(
        "wage_too_small", "income", "amount_yuan", (0, 3),
        {"income": [
            {"source": "wages", "amount_yuan": "99.99"}, {"source": "wages", "amount_yuan": "100"},
            {"source": "wages", "amount_yuan": "0"}, {"source": "wages", "amount_yuan": "0.35"},
            {"source": "transfers", "amount_yuan": "50"},
        ]},
    ),
    FlaggedRows(
        "wage_too_small", "employment", "monthly_wage_yuan", (0,),
        {"employment": [
            {"monthly_wage_yuan": "3"}, {"monthly_wage_yuan": "0", "member_id": "M2"},
            {"monthly_wage_yuan": "100", "member_id": "M3"},
        ]},
    ),
    FlaggedRows(
        "school_age_without_status", "member", "school", (0, 1),
        {
            "member": [
                {**_CHILD},
                # On 1 September 2025: six that day, fifteen that day, under six by a day.
                {**_CHILD, "member_id": "M2", "born_on": "2019-09-01"},
                {**_CHILD, "member_id": "M3", "born_on": "2010-09-01"},
                {**_CHILD, "member_id": "M4", "born_on": "2019-09-02"},
                {**_CHILD, "member_id": "M5", "no_school_reason": "home_taught"},
                {**_CHILD, "member_id": "M6", "school": "compulsory"},
                {**_CHILD, "member_id": "M7"},
            ],
            "schooling": [{**RECENT, "member_id": "M7"}],
        },
        ("member", "schooling"),
    ),
    FlaggedRows(
        "below_line_not_monitored", "household", "household_id", (0,),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 5)],
            "member": [{"household_id": f"H{n}", "member_id": f"M{n}"} for n in range(1, 5)],
            "income": [
                {**RECENT, "amount_yuan": "8699.99"},
                {**RECENT, "household_id": "H2", "amount_yuan": "9000", "cost_yuan": "300"},
                {**RECENT, "household_id": "H3", "amount_yuan": "1"},
                # Below the line a year ago, above it since.
                {**RECENT, "household_id": "H4", "amount_yuan": "8700"},
            ],
            "identification": [{**MONITORED, "household_id": "H3"}],
        },
        ("income", "member", "identification"),
    ),
    FlaggedRows(
        "unsafe_water_not_monitored", "water", "supply", (0,),
        {
            "household": [{}, {"household_id": "H2"}],
            "water": [
                {"supply": "cut"}, {"supply": "quality_failed", "household_id": "H2"},
            ],
            "identification": [{**MONITORED, "household_id": "H2"}],
        },
        ("water", "identification"),
    ),
    FlaggedRows(
        "illness_cause_without_costs", "identification", "cause", (0,),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 6)],
            "member": [
                {}, {"household_id": "H2", "member_id": "M2"},
                {"household_id": "H3", "member_id": "M3", "has_chronic_illness": "true"},
                {"household_id": "H4", "member_id": "M4"},
            ],
            "illness": [
                {"occurred_on": "2023-06-01", "known_on": "2023-07-01"},
                {"occurred_on": "2023-06-02", "known_on": "2023-07-01", "household_id": "H2"},
            ],
            "identification": [
                {**MONITORED, "cause": "01"}, {**MONITORED, "cause": "01", "household_id": "H2"},
                {**MONITORED, "cause": "01", "household_id": "H3"},
                {**MONITORED, "cause": "03", "household_id": "H4"},
                # Of this household no member is known.
                {**MONITORED, "cause": "01", "household_id": "H5"},
            ],
        },
        ("illness", "member"),
    ),
    FlaggedRows(
        "work_cause_without_labour", "identification", "cause", (0,),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 5)],
            "member": [
                {"labour": "none"}, {"labour": "none", "household_id": "H2", "member_id": "M2"},
                {"labour": "weak", "household_id": "H3", "member_id": "M3"},
            ],
            "employment": [{"household_id": "H2", "member_id": "M2"}],
            "identification": [
                {**MONITORED, "cause": "07", "household_id": f"H{n}"} for n in range(1, 5)
            ],
        },
        ("employment", "member"),
    ),
    FlaggedRows(
        "eliminated_under_line", "identification", "ended_on", (0,),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 4)],
            "member": [{"household_id": f"H{n}", "member_id": f"M{n}"} for n in range(1, 4)],
            # On 1 June 2025 the line was 8,300 yuan.
            "income": [
                {"occurred_on": "2024-06-02", "known_on": "2024-07-01", "amount_yuan": "8299.99"},
                {"occurred_on": "2024-06-01", "known_on": "2024-07-01", "amount_yuan": "5000"},
                {"occurred_on": "2025-06-01", "known_on": "2025-07-01", "household_id": "H2",
                 "amount_yuan": "8300"},
            ],
            "identification": [{**_ENDED}, {**_ENDED, "household_id": "H2"}, {**MONITORED, "household_id": "H3"}],
        },
        ("income", "member"),
    ),
    FlaggedRows(
        "eliminated_without_measure", "identification", "has_measure", (0,),
        {"identification": [
            {**_ENDED, "has_measure": "false"}, {**_ENDED, "has_measure": "true", "household_id": "H2"},
            # Nobody said so; it is still monitored.
            {**_ENDED, "household_id": "H3"}, {**MONITORED, "has_measure": "false", "household_id": "H4"},
        ]},
    ),
    FlaggedRows(
        "eliminated_too_early", "identification", "ended_on", (0,),
        {"identification": [
            {**MONITORED, "ended_on": "2024-07-31", "ended_known_on": "2024-08-01"},
            {**MONITORED, "ended_on": "2024-08-01", "ended_known_on": "2024-08-01", "household_id": "H2"},
            {**MONITORED, "household_id": "H3"},
        ]},
    ),
    FlaggedRows(
        "no_labour_household_not_labelled", "identification", "is_whole_without_labour", (0, 1),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 6)],
            "member": [
                *({"household_id": f"H{n}", "member_id": f"M{n}", "labour": "none"} for n in range(1, 6)),
                {"household_id": "H4", "member_id": "M9"},
            ],
            "assistance": [{"household_id": f"H{n}"} for n in range(1, 5)],
            "identification": [
                {**MONITORED, "is_whole_without_labour": "false"},
                {**MONITORED, "household_id": "H2"},
                {**MONITORED, "household_id": "H3", "is_whole_without_labour": "true"},
                {**MONITORED, "household_id": "H4", "is_whole_without_labour": "false"},
                {**MONITORED, "household_id": "H5", "is_whole_without_labour": "false"},
            ],
        },
        ("member",),
    ),
    FlaggedRows(
        "training_aid_without_student", "assistance", "kind", (0,),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 5)],
            "member": [
                {"school": "high_school"}, {"household_id": "H2", "member_id": "M2", "school": "vocational"},
                {"household_id": "H3", "member_id": "M3", "school": "high_school"},
            ],
            "schooling": [{**RECENT, "household_id": "H3", "member_id": "M3", "stage": "vocational"}],
            "assistance": [
                {**RECENT, "kind": "training_aid", "household_id": f"H{n}"} for n in range(1, 4)
            ] + [{**RECENT, "kind": "dibao", "household_id": "H4"}],
        },
        ("member", "schooling"),
    ),
    FlaggedRows(
        "self_report_out_of_date", "account", "occurred_on", (0, 1),
        {"account": [
            {"occurred_on": "2024-01-15", "known_on": "2025-01-15"},
            {"occurred_on": "2022-01-15", "known_on": "2025-01-15"},
            {"occurred_on": "2024-01-16", "known_on": "2025-01-15"},
        ]},
    ),
    FlaggedRows(
        "event_reported_twice", "accident", "occurred_on", (1,),
        {"accident": [
            {"occurred_on": "2025-01-08", "known_on": "2025-01-10"},
            {"occurred_on": "2025-01-01", "known_on": "2025-02-10", "loss_yuan": "500"},
            {"occurred_on": "2025-01-16", "known_on": "2025-02-10"},
            {"occurred_on": "2025-01-08", "known_on": "2025-01-10", "kind": "fall"},
            {"occurred_on": "2025-01-08", "known_on": "2025-01-10", "member_id": "M2"},
        ]},
    ),
    FlaggedRows(
        "event_reported_twice", "disaster", "occurred_on", (1,),
        {"disaster": [
            {"occurred_on": "2025-07-01", "known_on": "2025-07-02"},
            {"occurred_on": "2025-07-01", "known_on": "2025-08-02", "loss_yuan": "800"},
            {"occurred_on": "2025-07-01", "known_on": "2025-08-02", "hazard": "weather"},
            {"occurred_on": "2025-07-01", "known_on": "2025-08-02", "household_id": "H2"},
        ]},
    ),
    FlaggedRows(
        "event_reported_twice", "civil", "occurred_on", (1,),
        {"civil": [
            {"occurred_on": "2025-07-01", "known_on": "2025-07-02"},
            {"occurred_on": "2025-07-03", "known_on": "2025-07-09", "is_earner": "true"},
            {"occurred_on": "2025-07-03", "known_on": "2025-07-09", "member_id": "M2"},
        ]},
    ),
)  # fmt: skip
