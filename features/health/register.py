"""Register: who lives where, once for all feeds of a check-up, in the connection that judges them."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack, suppress
from functools import cached_property
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from features.connection import connect
from features.health.grid import NOWHERE

QUERY_MEMORY_MB = 500
"""What the queries of one feed may hold beside the feed itself; with less they write to disk."""


class Register:
    """The household register as known by `as_of`; rows of it that intake refused place households too.

    Holds the tables ``homes`` (household_id, number, place, since), ``keys`` (core, number, place), where
    `core` is a key as a spreadsheet leaves it, and ``places`` (village, place), which has every village
    written in the register; 0 is `NOWHERE`.
    """

    def __init__(
        self,
        register: pa.Table,
        as_of: dt.date,
        refused: pa.Table | None = None,
        *,
        threads: int | None = None,
        memory_mb: int = QUERY_MEMORY_MB,
    ) -> None:
        self.as_of = as_of
        self._open = ExitStack()
        self.connection = self._open.enter_context(connect())
        self.connection.execute(f"SET memory_limit = '{memory_mb}MB'")
        self.connection.execute("SET preserve_insertion_order = false")
        if threads:
            self.connection.execute(f"SET threads = {threads}")
        # Its own bar would mix with ours and with a program that reads the output. In a notebook without
        # ipywidgets there is none, and it cannot be switched off either.
        with suppress(duckdb.InvalidInputException):
            self.connection.execute("SET enable_progress_bar = false")
        self.connection.register("register", register)
        self.connection.register(
            "refused_register", register.schema.empty_table() if refused is None else refused
        )
        self.connection.execute(_register_sql(as_of))
        self.connection.unregister("register")
        self.connection.unregister("refused_register")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def villages(self) -> dict[str, int]:
        """Village → registered households, by village."""
        return dict(
            self.connection.sql(
                "SELECT village, COUNT(*) FROM homes JOIN places USING (place) GROUP BY village ORDER BY 1"
            ).fetchall()
        )

    @cached_property
    def names(self) -> list[str]:
        """Every village by its place."""
        return [one[0] for one in self.connection.sql("SELECT village FROM places ORDER BY place").fetchall()]

    def living_in(self, villages: list[str]) -> list[str]:
        """The registered households of some villages."""
        found = self.connection.execute(
            "SELECT household_id FROM homes JOIN places USING (place) WHERE village IN (SELECT UNNEST(?)) "
            "ORDER BY 1",
            [villages],
        ).fetchall()
        return [str(one[0]) for one in found]


def _register_sql(as_of: dt.date) -> str:
    return f"""
        CREATE TEMP TABLE living AS
        SELECT household_id, ARG_MIN(village_code, (-epoch(occurred_on), village_code)) AS village,
            MIN(known_on) AS since
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
        CREATE TEMP TABLE places AS
        SELECT village,
            CAST(ROW_NUMBER() OVER (ORDER BY village <> '{NOWHERE}', village) - 1 AS INTEGER) AS place
        FROM (
            SELECT '{NOWHERE}' AS village UNION SELECT village_code FROM register
            UNION SELECT village_code FROM refused_register
        ) WHERE village IS NOT NULL;
        CREATE TEMP TABLE homes AS
        SELECT household_id, CAST(ROW_NUMBER() OVER () AS INTEGER) AS number, place, since
        FROM living JOIN places USING (village);
        DROP TABLE living;
        CREATE TEMP TABLE keys AS
        SELECT {core("household_id")} AS core,
            ARG_MIN(number, (since, household_id)) AS number, ARG_MIN(place, (since, household_id)) AS place
        FROM homes GROUP BY 1 HAVING core <> '';
    """  # noqa: S608


def core(column: str) -> str:
    """A key without its letters and leading zeros, what a spreadsheet leaves of it, as SQL."""
    digits = f"REGEXP_REPLACE({column}, '[^0-9]', '', 'g')"
    return f"CASE WHEN {digits} <> '' AND LTRIM({digits}, '0') = '' THEN '0' ELSE LTRIM({digits}, '0') END"


def quoted(word: str) -> str:
    """A word as SQL."""
    return "'" + word.replace("'", "''") + "'"
