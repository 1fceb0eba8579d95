"""More rows for the rules of severity ``flag``: the keys of every feed, and the borders in time of the others.

The same tables as in `spec_rules`, of the same delivery.
"""

from __future__ import annotations

from tests.features.spec_rules import ID, KEYS, MONITORED, RECENT, FlaggedRows

_JOINED = {"occurred_on": "2025-06-01", "known_on": "2025-06-01"}
_BEFORE = {"ended_on": "2024-01-01", "ended_known_on": "2024-01-02"}
_LONG_BEFORE = {"ended_on": "2022-01-01", "ended_known_on": "2022-01-02"}

FLAGGED = (
    *(
        FlaggedRows(
            "key_rounded", feed, key, (0, 3),
            {feed: [
                {key: "500299199001011000"}, {key: "500299199001011010"}, {key: "50029919900101100"},
                {key: "5002991990010110000"}, {key: "50029919900101100X"},
            ]},
        )
        for feed, keys in KEYS.items() for key in keys
    ),
    FlaggedRows(
        "id_number_changed", "member", "id_number", (0, 2),
        {"member": [
            {"id_number": ID, "born_on": "1949-12-31", **_BEFORE},
            # A certificate of the same person holds the same number.
            {"id_number": ID, "born_on": "1949-12-31", "member_id": "M2", **_BEFORE},
            {"id_number": "110105194912310011", "born_on": "1949-12-31", "occurred_on": "2024-02-01",
             "known_on": "2024-02-01"},
            {"id_number": f"{ID}41", "born_on": "1949-12-31", "member_id": "M2", "occurred_on": "2024-02-01",
             "known_on": "2024-02-01"},
        ]},
    ),
    FlaggedRows(
        "member_in_two_households", "member", "member_id", (0, 1),
        {"member": [
            # Both began on one day, within the delay, and one has ended since.
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "ended_on": "2026-03-20",
             "ended_known_on": "2026-03-20"},
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "household_id": "H2"},
            # The end of one of these may still be under way; of those, one ended on the day it began.
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "member_id": "M2"},
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "member_id": "M2", "household_id": "H2"},
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "member_id": "M3",
             "ended_on": "2026-03-01", "ended_known_on": "2026-03-01"},
            {"occurred_on": "2026-03-01", "known_on": "2026-03-01", "member_id": "M3", "household_id": "H2"},
        ]},
    ),
    FlaggedRows(
        "eliminated_under_line", "identification", "ended_on", (0,),
        {
            "household": [{}, {"household_id": "H2"}],
            # The last day of one is the day of the elimination, that of the other the day before.
            "member": [
                {"ended_on": "2025-06-01", "ended_known_on": "2025-06-01"},
                {"ended_on": "2025-05-31", "ended_known_on": "2025-05-31", "household_id": "H2",
                 "member_id": "M2"},
            ],
            "income": [{"occurred_on": "2025-01-01", "known_on": "2025-01-02", "amount_yuan": "100"}],
            "identification": [
                {**MONITORED, "ended_on": "2025-06-01", "ended_known_on": "2025-06-02"},
                {**MONITORED, "ended_on": "2025-06-01", "ended_known_on": "2025-06-02", "household_id": "H2"},
            ],
        },
        ("income", "member"),
    ),
    FlaggedRows(
        "illness_cause_without_costs", "identification", "cause", (0, 1, 2),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 7)],
            "member": [
                *({"household_id": f"H{n}", "member_id": f"M{n}"} for n in (1, 2, 3, 4)),
                # Ill, and came later, or had left long before; ill, and left in the year before.
                {**_JOINED, "household_id": "H2", "member_id": "M7", "has_chronic_illness": "true"},
                {**_LONG_BEFORE, "household_id": "H3", "member_id": "M8", "disability_grade": "1"},
                {**_BEFORE, "household_id": "H4", "member_id": "M9", "has_chronic_illness": "true"},
                # Of this household nobody was known yet.
                {**_JOINED, "household_id": "H5", "member_id": "M5"},
                {"household_id": "H6", "member_id": "M6"},
            ],
            "illness": [
                # After the identification; on the day of it.
                {"occurred_on": "2024-06-02", "known_on": "2024-07-01"},
                {"occurred_on": "2024-06-01", "known_on": "2024-07-01", "household_id": "H6"},
            ],
            "identification": [
                {**MONITORED, "cause": "01", "household_id": f"H{n}"} for n in range(1, 7)
            ],
        },
        ("illness", "member"),
    ),
    FlaggedRows(
        "work_cause_without_labour", "identification", "cause", (0, 1, 2),
        {
            "household": [{"household_id": f"H{n}"} for n in range(1, 7)],
            "member": [
                *(
                    {"household_id": f"H{n}", "member_id": f"M{n}", "labour": "none"}
                    for n in (1, 2, 3, 4, 6)
                ),
                {**_JOINED, "member_id": "M7"},
                {**_BEFORE, "household_id": "H4", "member_id": "M9"},
                {**_JOINED, "household_id": "H5", "member_id": "M5", "labour": "none"},
            ],
            "employment": [
                # Began later; ended long before; ended in the year before.
                {**_JOINED, "household_id": "H2", "member_id": "M2"},
                {**_LONG_BEFORE, "household_id": "H3", "member_id": "M3"},
                {**_BEFORE, "household_id": "H4", "member_id": "M4"},
                {**_BEFORE, "household_id": "H6", "member_id": "M6"},
            ],
            "identification": [
                {**MONITORED, "cause": "07", "household_id": f"H{n}"} for n in range(1, 7)
            ],
        },
        ("employment", "member"),
    ),
    FlaggedRows(
        "training_aid_without_student", "assistance", "kind", (0,),
        {
            "household": [{}],
            "member": [{"school": "high_school"}],
            "assistance": [{**RECENT, "kind": "training_aid"}],
        },
        ("member", "schooling"),
    ),
)  # fmt: skip
