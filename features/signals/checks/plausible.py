"""What can hardly be so: amounts, children out of school, aid without a student, income told too late."""

from features.signals import CONTRACTS
from features.signals.checks.check import Check

_ROUNDED = "[0-9]{{15}}0{{3,}}"
"""A spreadsheet keeps 15 digits of a number. Three zeros after them come once in a thousand by chance."""

_KEYS = ("household_id", "member_id", "loan_id")


def rounded(feed: str, key: str) -> Check:
    """Rows of a feed whose key a spreadsheet has rounded."""
    # Few keys end so, and what does not need not be matched.
    return Check(
        "key_rounded",
        feed,
        key,
        f"SELECT row FROM {feed} WHERE suffix({key}, '000') AND regexp_full_match({key}, '{_ROUNDED}')",
    )


PLAUSIBLE = (
    *(
        rounded(feed, key)
        for feed, contract in CONTRACTS.items()
        # The platform works this one out itself, for the keys of the register.
        if feed != "neighbourhood"
        for key in _KEYS
        if key in contract.schema.names
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
          AND household_id IN (
            SELECT household_id FROM covered_schooling
            WHERE since_on <= {school_year} AND until_on >= {school_year})
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
        JOIN covered_schooling s ON s.household_id = a.household_id
            AND s.since_on <= a.occurred_on AND s.until_on >= a.occurred_on
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
