"""Register: registered household → village, read into the memory."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from features.health import register as fast
from features.health.register import core


class Register(fast.Register):
    """Who lives where. Households and villages are their own numbers and places in ``homes`` and ``keys``."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        register: pa.Table,
        as_of: dt.date,
        refused: pa.Table | None = None,
    ) -> None:
        self.connection, self.as_of = connection, as_of
        connection.register("register", register)
        connection.register("refused_register", register.schema.empty_table() if refused is None else refused)
        connection.execute(_register_sql(as_of))
        self.homes: dict[str, str] = dict(connection.sql("SELECT household_id, place FROM homes").fetchall())
        self.villages = dict(sorted(Counter(self.homes.values()).items()))

    def living_in(self, villages: Iterable[str]) -> list[str]:
        chosen = set(villages)
        return sorted(one for one, village in self.homes.items() if village in chosen)


def _register_sql(as_of: dt.date) -> str:
    return f"""
        CREATE TEMP TABLE homes AS
        SELECT household_id, household_id AS number,
            ARG_MIN(village_code, (-epoch(occurred_on), village_code)) AS place, MIN(known_on) AS since
        FROM (
            SELECT household_id, village_code, occurred_on, known_on FROM register
            WHERE known_on <= DATE '{as_of}'
            UNION ALL
            SELECT REGEXP_REPLACE(household_id, '[^0-9A-Za-z_-]', '', 'g'), village_code,
                COALESCE(occurred_on, known_on, DATE '{as_of}'),
                COALESCE(known_on, occurred_on, DATE '{as_of}')
            FROM refused_register
            WHERE REGEXP_FULL_MATCH(village_code, '[0-9A-Z]{{12}}') AND household_id IS NOT NULL
        ) GROUP BY household_id;
        CREATE TEMP TABLE keys AS
        SELECT {core("household_id")} AS core,
            FIRST(household_id ORDER BY since, household_id) AS household_id,
            FIRST(place ORDER BY since, household_id) AS place
        FROM homes GROUP BY 1 HAVING core <> '';
    """
