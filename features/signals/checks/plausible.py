"""What can hardly be so: amounts, children out of school, aid without a student, income told too late."""

from features.signals.checks.check import Check

_ROUNDED = "'[0-9]{{15}}0{{3,}}'"
"""A spreadsheet keeps 15 digits of a number. Three zeros after them come once in a thousand by chance."""

PLAUSIBLE = (
    Check(
        "key_rounded",
        "household",
        "household_id",
        f"SELECT row FROM household WHERE regexp_full_match(household_id, {_ROUNDED})",
    ),
    Check(
        "key_rounded",
        "member",
        "member_id",
        f"SELECT row FROM member WHERE regexp_full_match(member_id, {_ROUNDED})",
    ),
    Check(
        "land_over_limit",
        "household",
        "land_mu",
        "SELECT row FROM household WHERE is_open AND land_mu > {land_limit_mu}",
    ),
    Check(
        "wage_too_small",
        "income",
        "amount_yuan",
        """
        SELECT row FROM income
        WHERE source = 'wages' AND amount_fen > 0 AND amount_fen < {wage_floor_yuan} * 100
        """,
    ),
    Check(
        "wage_too_small",
        "employment",
        "monthly_wage_yuan",
        """
        SELECT row FROM employment
        WHERE monthly_wage_fen > 0 AND monthly_wage_fen < {wage_floor_yuan} * 100
        """,
    ),
    Check(
        "school_age_without_status",
        "member",
        "school",
        """
        SELECT row FROM member
        WHERE is_open AND school = 'none' AND no_school_reason IS NULL
          AND born_on <= {school_year} - TO_YEARS({first_age})
          AND born_on > {school_year} - TO_YEARS({first_age} + {school_years})
          AND household_id IN (SELECT household_id FROM covered_member)
          AND member_id NOT IN (SELECT member_id FROM schooling WHERE occurred_on >= {school_year})
        """,
    ),
    Check(
        "training_aid_without_student",
        "assistance",
        "kind",
        """
        SELECT a.row FROM assistance a JOIN covered_member c ON c.household_id = a.household_id
            AND c.since_on <= a.occurred_on
        WHERE a.kind = 'training_aid'
          AND NOT EXISTS (
            SELECT 1 FROM member m
            WHERE m.household_id = a.household_id AND m.school = 'vocational'
              AND m.occurred_on <= COALESCE(a.ended_on, {today})
              AND COALESCE(m.ended_on, {today}) >= a.occurred_on)
          AND a.household_id NOT IN (SELECT household_id FROM schooling WHERE stage = 'vocational')
        """,
    ),
    Check(
        "self_report_out_of_date",
        "account",
        "occurred_on",
        "SELECT row FROM account WHERE known_on >= occurred_on + TO_MONTHS({self_report_months})",
    ),
)
