"""What should be there once: a member's place, a spell at a time, a report of an event."""

from __future__ import annotations

from features.signals.checks.check import Check


def overlap(code: str, feed: str, field: str, *key: str, where: str = "TRUE") -> Check:
    """Spells of one key of which the later begins before the earlier has ended; the later is named.

    An earlier one without an end counts once the end would have arrived, as late as the feed normally is.
    """
    keys = ", ".join(key)
    return Check(
        code,
        feed,
        field,
        f"""
        SELECT row FROM (
            SELECT row, occurred_on, MAX(COALESCE(ended_on, {{far}})) OVER (
                PARTITION BY {keys} ORDER BY occurred_on, row
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS previous_until
            FROM {feed} WHERE {where}
        )
        WHERE occurred_on < previous_until
          AND (previous_until < {{far}} OR occurred_on <= {{today}} - {{{feed}_delay}})
        """,
    )


def twice(feed: str, field: str, *key: str) -> Check:
    """Records of one kind of event within a few days of each other; the later arrival is named."""
    keys = ", ".join(key)
    return Check(
        "event_reported_twice",
        feed,
        field,
        f"""
        SELECT CASE WHEN (known_on, row) > (other_known_on, other) THEN row ELSE other END AS row FROM (
            SELECT row, known_on, occurred_on - LAG(occurred_on) OVER w AS days,
                LAG(row) OVER w AS other, LAG(known_on) OVER w AS other_known_on
            FROM {feed} WINDOW w AS (PARTITION BY {keys} ORDER BY occurred_on, known_on, row)
        ) WHERE days <= {{same_event_days}}
        """,
    )


REPEATS = (
    Check(
        "member_in_two_households",
        "member",
        "member_id",
        """
        WITH apart AS (
            SELECT * FROM member WHERE member_id IN (
                SELECT member_id FROM member GROUP BY member_id HAVING MIN(household_id) < MAX(household_id)
            )
        )
        SELECT DISTINCT a.row FROM apart a JOIN apart b
            ON a.member_id = b.member_id AND a.household_id <> b.household_id
            AND a.occurred_on < COALESCE(b.ended_on, {far}) AND b.occurred_on < COALESCE(a.ended_on, {far})
        WHERE GREATEST(a.occurred_on, b.occurred_on) <= {today} - {member_delay}
           OR a.ended_on IS NOT NULL AND a.occurred_on <= b.occurred_on
           OR b.ended_on IS NOT NULL AND b.occurred_on <= a.occurred_on
        """,
    ),
    Check(
        "weak_member_match",
        "member",
        "born_on",
        """
        SELECT row FROM member WHERE member_id IN (
            SELECT member_id FROM member GROUP BY member_id HAVING MIN(born_on) < MAX(born_on)
        )
        """,
    ),
    overlap("work_before_previous_end", "employment", "occurred_on", "member_id"),
    overlap("spells_overlap", "household", "occurred_on", "household_id"),
    overlap("spells_overlap", "member", "occurred_on", "household_id", "member_id"),
    overlap("spells_overlap", "housing", "occurred_on", "household_id"),
    overlap("spells_overlap", "water", "occurred_on", "household_id"),
    overlap("spells_overlap", "insurance", "occurred_on", "household_id", "member_id"),
    overlap("spells_overlap", "guarantee", "occurred_on", "household_id", "item"),
    overlap("spells_overlap", "identification", "occurred_on", "household_id"),
    overlap(
        "spells_overlap",
        "assistance",
        "occurred_on",
        "household_id",
        "kind",
        where="kind IN ('dibao', 'tekun')",
    ),
    twice("accident", "occurred_on", "household_id", "member_id", "kind"),
    twice("disaster", "occurred_on", "household_id", "hazard"),
    twice("civil", "occurred_on", "household_id", "member_id", "kind"),
)
