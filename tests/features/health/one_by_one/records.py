"""Records: the rows of one feed in one pass of SQL, by the names of households and villages.

Every month is joined with the rows that were there in it, and amounts are compared by their logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from features.health import records as fast
from features.health.grid import NOWHERE
from features.health.placing import TWIN_DAYS, payload_of
from features.health.records import DECADES, HALF_DECADE, Reference
from features.health.register import core
from features.signals.contract import Contract
from features.signals.fields import Category, Count, Field, Flag, Money
from tests.features.health.one_by_one.grid import Grid
from tests.features.health.one_by_one.register import Register

_AREA = "village_code"
_ARRIVING = "months m JOIN r ON r.known_on BETWEEN m.first AND m.seen"


class Records(fast.Records):
    """One feed as delivered by the register's date, as one table ``r``."""

    def __init__(
        self, contract: Contract, accepted: pa.Table, register: Register, refused: pa.Table | None = None
    ) -> None:
        self.contract, self.register, self.connection = contract, register, register.connection
        self.payload = payload_of(contract)
        self.categories = [one for one in self.payload if isinstance(one, Category)]
        self.sizes = [one for one in self.payload if isinstance(one, Money | Count)]
        flags: list[Field] = [one for one in self.payload if isinstance(one, Flag)]
        self.zeroable = list(self.sizes) or flags
        self.connection.register("accepted", accepted)
        self.connection.register("refused", contract.schema.empty_table() if refused is None else refused)
        self.connection.execute(self._rows_sql())
        self.connection.execute("CREATE TEMP VIEW placed AS FROM r")
        self._commonest = self._find_commonest()

    def count(self, months: Sequence[int], seen_after: int, reference: Reference) -> Grid:
        self._register_months(months, seen_after)
        wanted = {"rows": "TRUE", **self.conditions(reference), **self._positive()}
        dates = wanted.pop("dates")
        columns = ", ".join(f'COUNT(*) FILTER (WHERE {text}) AS "{name}"' for name, text in wanted.items())
        counted = self._asked(f"SELECT m.month, r.place, {columns} FROM {self._joined} GROUP BY 1, 2")
        arrived = self._asked(
            f"SELECT m.month, r.place, COUNT(*) AS dates FROM {_ARRIVING} WHERE {dates} GROUP BY 1, 2"
        )
        seen = {one for table in (counted, arrived) for one in table["place"].to_pylist()}
        grid = Grid(months, sorted(seen | set(self.register.villages)))
        for name in (*wanted, "dates"):
            table = (arrived if name == "dates" else counted).to_pydict()
            grid.fill(name, table["month"], table["place"], table[name])
        return grid

    def conditions(self, reference: Reference, month: str = "m.month") -> dict[str, str]:
        found = super().conditions(reference, month)
        for size in self.sizes:
            known = f"r.{size.column} > 0"
            beyond = f"CASE WHEN {known} THEN LOG10(r.{size.column}) - {self._middle(size, reference)} END"
            # A number within its usual bounds, a percentage of 100, is large and no slip.
            bound = known
            if isinstance(size, Count):
                bound = f"r.{size.column} > {size.usual_maximum or size.maximum}"
            found[f"large:{size.name}"] = f"{bound} AND {beyond} > {DECADES}"
            found[f"small:{size.name}"] = f"{known} AND {beyond} < -{DECADES}"
            if isinstance(size, Money):
                found[f"high:{size.name}"] = f"{known} AND {beyond} > {HALF_DECADE}"
                found[f"low:{size.name}"] = f"{known} AND {beyond} < -{HALF_DECADE}"
        return found

    def _find_commonest(self) -> dict[str, str]:
        found = {}
        for size in self.sizes:
            if isinstance(size, Money) and self.contract.kind == "event":
                rows = self.connection.sql(
                    f"SELECT month, MODE({size.column} ORDER BY {size.column}) FROM r WHERE {size.column} > 0 "
                    "GROUP BY month ORDER BY month"
                ).fetchall()
                if rows:
                    cases = " ".join(f"WHEN {month} THEN {value}" for month, value in rows)
                    found[size.column] = f"CASE r.month {cases} END"
        return found

    def _register_chosen(self, villages: Iterable[str]) -> None:
        self.connection.register("chosen", pa.table({"place": pa.array(list(villages), pa.string())}))

    def _rows_sql(self) -> str:
        payload = ", ".join(["household_id", *(one.column for one in self.payload)])
        columns = ", ".join(self.contract.schema.names)
        month = "CAST(YEAR(occurred_on) * 12 + MONTH(occurred_on) - 1 AS INTEGER)"
        is_register = any(one.name == _AREA for one in self.contract.fields)
        own = f"d.{_AREA}" if is_register else "NULL"
        # In the register itself a key is foreign when an older one reads the same without its prefix.
        foreign = "h.household_id IS NULL"
        if is_register:
            foreign = "COALESCE(k.household_id <> d.household_id, d.household_id IS NULL)"
        if self.contract.kind == "event":
            repeat = "f.content IS NOT NULL"
            joins = (
                "LEFT JOIN (SELECT household_id, month, "
                "LAG(month) OVER (PARTITION BY household_id ORDER BY month) AS before "
                "FROM (SELECT DISTINCT household_id, month FROM hashed)) b "
                "ON b.household_id = d.household_id AND b.month = d.month "
                "LEFT JOIN (SELECT DISTINCT content, month FROM hashed) f "
                "ON f.content = d.content AND f.month = b.before"
            )
        else:
            repeat, joins = "d.nth_content > 1 AND d.nth_record = 1", ""
        return f"""
            CREATE TEMP TABLE r AS
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
            ), hashed AS (
                SELECT *, {month} AS month, HASH({payload}) AS content, {core("household_id")} AS core
                FROM dated WHERE known_on <= DATE '{self.register.as_of}'
            ), numbered AS (
                SELECT *,
                    ROW_NUMBER() OVER (PARTITION BY content, occurred_on ORDER BY known_on, refused)
                        AS nth_record,
                    RANK() OVER (PARTITION BY content ORDER BY occurred_on, known_on) AS nth_content,
                    LAG(occurred_on) OVER (PARTITION BY content ORDER BY occurred_on, known_on)
                        AS last_on
                FROM hashed
            )
            SELECT d.*, d.nth_record > 1 AS is_copy, {repeat} AS is_repeat, {foreign} AS is_foreign,
                COALESCE(d.occurred_on - d.last_on BETWEEN 1 AND {TWIN_DAYS}, FALSE) AS is_twin,
                COALESCE(k.household_id, h.household_id) AS home,
                COALESCE(h.place, k.place, {own}, '{NOWHERE}') AS place
            FROM numbered d
            LEFT JOIN homes h ON h.household_id = d.household_id
            LEFT JOIN keys k ON k.core = d.core AND ({is_register} OR h.household_id IS NULL)
            {joins}
        """
