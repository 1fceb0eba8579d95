"""Placing: the SQL that gives every row of a feed its household, village and month, and finds copies.

Of a row is kept what is asked of it later, in as few bytes as will do: numbers for names of households and
villages, and of a text that is no category whether it is there.
"""

from __future__ import annotations

import datetime as dt

from features.health.register import core
from features.signals.contract import ENDED_KNOWN_ON, ENDED_ON, KNOWN_ON, OCCURRED_ON, Contract
from features.signals.fields import Category, Count, Field, Flag, Money

TWIN_DAYS = 15
"""Days within which the same content once more is a copy with another date, unless that was usual."""

_DATES = (OCCURRED_ON, KNOWN_ON, "is_known_on_estimated", ENDED_ON, ENDED_KNOWN_ON)
_AREA = "village_code"


def payload_of(contract: Contract) -> list[Field]:
    """The fields that are neither key nor date of the record."""
    return [one for one in contract.fields if one.name not in ("household_id", *_DATES)]


def placed_sql(contract: Contract, as_of: dt.date) -> str:
    """Each row with its household, village and month: ``placed``, from ``accepted`` and ``refused``."""
    payload = ", ".join(f"d.{one}" for one in ("household_id", *(one.column for one in payload_of(contract))))
    columns = ", ".join(contract.schema.names)
    is_register = any(one.name == _AREA for one in contract.fields)
    own = f"d.{_AREA}" if is_register else "NULL"
    # In the register itself a key is foreign when an older one reads the same without its prefix.
    foreign = "d.registered IS NULL"
    if is_register:
        foreign = "COALESCE(k.number <> d.registered, d.household_id IS NULL OR k.number IS NOT NULL)"
    return f"""
        CREATE TEMP TABLE placed AS
        WITH delivered AS (
            SELECT {columns}, FALSE AS refused FROM accepted
            UNION ALL SELECT {columns}, TRUE FROM refused
        ), usual AS (
            SELECT COALESCE(CAST(MEDIAN(DATE_DIFF('day', occurred_on, known_on)) AS INTEGER), 30) AS lag
            FROM accepted
        ), dated AS (
            SELECT * REPLACE (
                COALESCE(occurred_on, known_on - lag) AS occurred_on,
                COALESCE(known_on, occurred_on + lag) AS known_on
            ), occurred_on IS NOT NULL AS was_dated, known_on IS NOT NULL AS was_known
            FROM delivered, usual
        ), living AS (
            SELECT d.*, h.number AS registered, h.place AS living_in
            FROM dated d LEFT JOIN homes h ON h.household_id = d.household_id
            WHERE d.known_on <= DATE '{as_of}'
        )
        SELECT {_kept(contract)}, d.refused, d.was_dated, d.was_known,
            {month_sql("d.occurred_on")} AS month, HASH({payload}) AS content, {foreign} AS is_foreign,
            COALESCE(k.number, d.registered) AS home, COALESCE(d.living_in, k.place, w.place, 0) AS place
        FROM living d
        LEFT JOIN keys k ON k.core = CASE WHEN {is_register} OR d.registered IS NULL
            THEN {core("d.household_id")} END
        LEFT JOIN places w ON w.village = CASE WHEN d.living_in IS NULL AND k.place IS NULL THEN {own} END
    """  # noqa: S608


def _kept(contract: Contract) -> str:
    """What is kept of a row: of a text that is no category, whether it is there."""
    kept = ["CASE WHEN d.household_id IS NOT NULL THEN HASH(d.household_id) END AS household_id"]
    for field in contract.fields:
        if field.name == "household_id":
            continue
        is_size = isinstance(field, Category | Money | Count | Flag) or field.name in _DATES
        text = f"d.{field.column}"
        kept.append(text if is_size else f"CASE WHEN {text} IS NOT NULL THEN TRUE END AS {field.column}")
    return ", ".join(kept)


def marked_sql(contract: Contract) -> str:
    """The rows whose content is there more than once are marked; of most feeds they are few."""
    repeat, joins = "d.nth_content > 1 AND d.nth_record = 1", ""
    if contract.kind == "event":
        repeat = "f.content IS NOT NULL"
        joins = (
            "LEFT JOIN (SELECT household_id, month, "
            "LAG(month) OVER (PARTITION BY household_id ORDER BY month) AS before "
            "FROM (SELECT DISTINCT household_id, month FROM placed "
            "WHERE household_id IN (SELECT household_id FROM numbered))) b "
            "ON b.household_id = d.household_id AND b.month = d.month "
            "LEFT JOIN (SELECT DISTINCT content, month FROM numbered) f "
            "ON f.content = d.content AND f.month = b.before"
        )
    return f"""
        CREATE TEMP TABLE marks AS
        WITH again AS (
            SELECT content FROM placed GROUP BY content HAVING COUNT(*) > 1
        ), numbered AS MATERIALIZED (
            SELECT rowid AS at, household_id, month, content, occurred_on,
                ROW_NUMBER() OVER (PARTITION BY content, occurred_on ORDER BY known_on, refused)
                    AS nth_record,
                RANK() OVER (PARTITION BY content ORDER BY occurred_on, known_on) AS nth_content,
                LAG(occurred_on) OVER (PARTITION BY content ORDER BY occurred_on, known_on)
                    AS last_on
            FROM placed WHERE content IN (SELECT content FROM again)
        ), marked AS (
            SELECT d.at, d.nth_record > 1 AS is_copy, {repeat} AS is_repeat,
                COALESCE(d.occurred_on - d.last_on BETWEEN 1 AND {TWIN_DAYS}, FALSE) AS is_twin
            FROM numbered d {joins}
        )
        SELECT * FROM marked WHERE is_copy OR is_repeat OR is_twin;
        CREATE TEMP VIEW r AS
        SELECT p.*, COALESCE(k.is_copy, FALSE) AS is_copy, COALESCE(k.is_repeat, FALSE) AS is_repeat,
            COALESCE(k.is_twin, FALSE) AS is_twin
        FROM placed p LEFT JOIN marks k ON k.at = p.rowid
    """  # noqa: S608


def month_sql(date: str) -> str:
    """`month_of` a date, as SQL."""
    return f"CAST(YEAR({date}) * 12 + MONTH({date}) - 1 AS INTEGER)"
