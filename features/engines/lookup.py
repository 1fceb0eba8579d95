"""Lookup: what is stored of a few households, found without reading the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from features.engines.duckdb import integer_days_of_files, reading_signals
from features.engines.sql import households_sql, quoted
from features.signals import CONTRACTS
from features.signals.buckets import Buckets


@dataclass(frozen=True)
class StoredHousehold:
    """A household with the village it is registered in on a date, and its stored rows of every feed.

    `rows` are as `RowEngine` reads them, dates as day numbers, also those that were not known yet.
    """

    household_id: str
    village_code: str
    rows: dict[str, list[dict[str, Any]]]


def find_households(
    stored: Buckets,
    household_ids: Iterable[str],
    as_of: dt.date,
    *,
    prefix: str = "",
    feeds: Sequence[str] = tuple(CONTRACTS),
) -> dict[str, StoredHousehold]:
    """Those of the households that are registered on the date in a village whose code begins with `prefix`.

    Raises `ContractError` where the folder's files cannot be read.
    """
    wanted = pa.table({"household_id": pa.array(sorted(set(household_ids)), pa.string())})
    if not len(wanted) or not stored.buckets:
        return {}
    # Of a few households nothing is worth writing to disk.
    with duckdb.connect(config={"temp_directory": ""}) as connection, reading_signals():
        connection.execute("SET threads = 1")
        connection.register("wanted", wanted)
        register = stored.paths("household")
        own_rows = integer_days_of_files("household", register)
        connection.execute(
            f"CREATE TEMP VIEW household AS ({own_rows} SEMI JOIN wanted USING (household_id))"
        )
        homes = connection.execute(
            f"SELECT household_id, village_code FROM ({households_sql(as_of)}) "  # noqa: S608 - values are bound
            "WHERE substr(village_code, 1, $length) = $prefix ORDER BY household_id",
            {"length": len(prefix), "prefix": prefix},
        ).fetchall()
        found = {key: StoredHousehold(key, village, {}) for key, village in homes}
        if not found:
            # Elsewhere and nowhere take the same steps up to here, and none more.
            return {}
        connection.register("inside", pa.table({"household_id": pa.array(list(found), pa.string())}))
        files = ", ".join(quoted(str(path)) for path in register)
        held = connection.execute(
            f"SELECT DISTINCT filename FROM read_parquet([{files}], filename = true, "  # noqa: S608 - our own paths
            "hive_partitioning = false) SEMI JOIN inside USING (household_id)"
        ).fetchall()
        # Of the other feeds only the buckets that hold one of the households are read.
        places = {str(path): number for number, path in enumerate(register)}
        buckets = sorted(places[name] for (name,) in held)
        for feed in feeds:
            text = integer_days_of_files(feed, [stored.paths(feed)[one] for one in buckets])
            table = connection.sql(f"{text} SEMI JOIN inside USING (household_id)")
            for row in table.to_arrow_table().to_pylist():
                found[row["household_id"]].rows.setdefault(feed, []).append(row)
    return found
