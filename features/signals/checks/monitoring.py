"""Monitoring against the facts: who should be monitored, why somebody is, and who no longer is."""

from features.signals.checks.check import Check

_PER_HEAD_NOW = """
    SELECT c.household_id, COALESCE(i.net_fen, 0) / m.heads AS per_head, c.until_on
    FROM covered_income c
    JOIN covered_member USING (household_id)
    JOIN (SELECT household_id, COUNT(DISTINCT member_id) AS heads FROM member WHERE is_open GROUP BY 1) m
        USING (household_id)
    LEFT JOIN (
        SELECT i.household_id, SUM(amount_fen - cost_fen) AS net_fen
        FROM income i JOIN covered_income c ON c.household_id = i.household_id
            AND i.occurred_on > c.until_on - INTERVAL 12 MONTH AND i.occurred_on <= c.until_on
        GROUP BY 1
    ) i USING (household_id)
    WHERE c.since_on <= c.until_on - INTERVAL 12 MONTH + INTERVAL 1 DAY
"""
_NOT_MONITORED = """
    household_id IN (SELECT household_id FROM covered_identification)
    AND household_id NOT IN (SELECT household_id FROM identification WHERE is_open)
"""


def _somebody(said: str) -> str:
    """Whether of the household of the identification `i` somebody is said to be so.

    Whoever came later is no cause of it, and whoever left more than a year before none any more.
    """
    return f"""EXISTS (
            SELECT 1 FROM member m
            WHERE m.household_id = i.household_id AND m.occurred_on <= i.occurred_on
              AND COALESCE(m.ended_on, {{far}}) > i.occurred_on - INTERVAL 12 MONTH AND {said})"""


MONITORING = (
    Check(
        "below_line_not_monitored",
        "household",
        "household_id",
        f"""
        SELECT h.row FROM household h
        JOIN ({_PER_HEAD_NOW}) p USING (household_id)
        WHERE h.is_open AND {_NOT_MONITORED}
          AND p.per_head < (SELECT ARG_MAX(fen, from_on) FROM {{lines}} AS l(from_on, fen)
                            WHERE from_on <= p.until_on)
        """,
    ),
    Check(
        "unsafe_water_not_monitored",
        "water",
        "supply",
        f"""
        SELECT row FROM water
        WHERE is_open AND supply <> 'safe' AND {_NOT_MONITORED}
          AND household_id IN (SELECT household_id FROM covered_water)
        """,
    ),
    Check(
        "illness_cause_without_costs",
        "identification",
        "cause",
        f"""
        SELECT i.row FROM identification i
        JOIN covered_illness c ON c.household_id = i.household_id
            AND c.since_on <= i.occurred_on - INTERVAL 12 MONTH AND c.until_on >= i.occurred_on
        JOIN covered_member m ON m.household_id = i.household_id
        WHERE i.cause = '01'
          AND {_somebody("TRUE")}
          AND NOT EXISTS (
            SELECT 1 FROM illness e
            WHERE e.household_id = i.household_id AND e.occurred_on <= i.occurred_on
              AND e.occurred_on > i.occurred_on - INTERVAL 12 MONTH
              AND (e.self_paid_fen > 0 OR e.is_serious_disease))
          AND NOT {_somebody("(m.has_chronic_illness OR m.disability_grade > 0)")}
        """,
    ),
    Check(
        "work_cause_without_labour",
        "identification",
        "cause",
        f"""
        SELECT i.row FROM identification i
        JOIN covered_employment c ON c.household_id = i.household_id
            AND c.since_on <= i.occurred_on - INTERVAL 12 MONTH AND c.until_on >= i.occurred_on
        JOIN covered_member m ON m.household_id = i.household_id
        WHERE i.cause = '07'
          AND {_somebody("TRUE")}
          AND NOT {_somebody("m.labour <> 'none' AND COALESCE(m.ended_on, {far}) >= i.occurred_on")}
          AND NOT EXISTS (
            SELECT 1 FROM employment e
            WHERE e.household_id = i.household_id AND e.occurred_on <= i.occurred_on
              AND COALESCE(e.ended_on, {{far}}) > i.occurred_on - INTERVAL 12 MONTH)
        """,
    ),
    Check(
        "eliminated_too_early",
        "identification",
        "ended_on",
        """
        SELECT row FROM identification
        WHERE ended_on < occurred_on + TO_MONTHS({elimination_months})
        """,
    ),
    Check(
        "eliminated_without_measure",
        "identification",
        "has_measure",
        "SELECT row FROM identification WHERE ended_on IS NOT NULL AND NOT has_measure",
    ),
    Check(
        "eliminated_under_line",
        "identification",
        "ended_on",
        """
        SELECT e.row FROM (
            SELECT i.row, i.ended_on, i.household_id, (
                SELECT COUNT(DISTINCT member_id) FROM member m
                WHERE m.household_id = i.household_id AND m.occurred_on <= i.ended_on
                  AND COALESCE(m.ended_on, {far}) >= i.ended_on
            ) AS heads, (
                SELECT COALESCE(SUM(amount_fen - cost_fen), 0) FROM income n
                WHERE n.household_id = i.household_id AND n.occurred_on <= i.ended_on
                  AND n.occurred_on > i.ended_on - INTERVAL 12 MONTH
            ) AS net_fen, (
                SELECT ARG_MAX(fen, from_on) FROM {lines} AS l(from_on, fen) WHERE from_on <= i.ended_on
            ) AS line_fen
            FROM identification i
            JOIN covered_income c ON c.household_id = i.household_id AND c.until_on >= i.ended_on
                AND c.since_on <= i.ended_on - INTERVAL 12 MONTH + INTERVAL 1 DAY
            JOIN covered_member m ON m.household_id = i.household_id
        ) e WHERE e.heads > 0 AND e.net_fen / e.heads < e.line_fen
        """,
    ),
    Check(
        "no_labour_household_not_labelled",
        "identification",
        "is_whole_without_labour",
        """
        SELECT i.row FROM identification i JOIN covered_member c ON c.household_id = i.household_id
        WHERE i.is_open AND i.is_whole_without_labour IS NOT TRUE
          AND EXISTS (SELECT 1 FROM identification WHERE is_whole_without_labour IS NOT NULL)
          AND i.household_id IN (SELECT household_id FROM assistance WHERE is_open AND kind = 'dibao')
          AND i.household_id IN (
            SELECT household_id FROM member WHERE is_open GROUP BY 1 HAVING BOOL_AND(labour = 'none'))
        """,
    ),
)
