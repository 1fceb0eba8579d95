"""Approved corrections laid over the signals of everybody, for a batch; see `serving.cases.correction`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features import Signals
from features.engines.duckdb import registered_villages
from features.signals import CONTRACTS
from serving.cases.correction import Approved, corrected, in_force
from serving.storage.corrections import concerning


def lay_over_signals(
    signals: Signals, corrections: Mapping[str, Sequence[Approved]], as_of: dt.date
) -> tuple[Signals, dict[str, list[Approved]]]:
    """The signals with the corrections of up to a date laid over them, and those of each household that were.

    Rows of other households keep their order; those of a corrected one stand behind them.
    """
    wanted = {key: counting for key, told in corrections.items() if (counting := in_force(told, as_of))}
    if not wanted:
        return signals, {}
    register = _of(signals.tables["household"], wanted)
    homes = {str(key): village for key, village in registered_villages(register, as_of).items()}
    laid = {
        key: counting
        for key, told in wanted.items()
        if key in homes and (counting := concerning(told, homes[key]))
    }
    tables = dict(signals.tables)
    for feed in dict.fromkeys(one.correction.feed for told in laid.values() for one in told):
        own = {key: [one for one in told if one.correction.feed == feed] for key, told in laid.items()}
        of_feed = {key: told for key, told in own.items() if told}
        tables[feed] = _lay_over_table(tables[feed], feed, of_feed, as_of)
    return Signals(tables, signals.coverage), laid


def _lay_over_table(
    table: pa.Table, feed: str, corrections: Mapping[str, Sequence[Approved]], as_of: dt.date
) -> pa.Table:
    rows: dict[str, list[Mapping[str, Any]]] = {key: [] for key in corrections}
    for row in _of(table, corrections).to_pylist():
        rows[row["household_id"]].append(row)
    for key, told in corrections.items():
        for one in told:
            rows[key] = corrected(rows[key], one, as_of)
    made = pa.Table.from_pylist(
        [dict(row) for key in sorted(rows) for row in rows[key]], schema=CONTRACTS[feed].schema
    )
    return pa.concat_tables([table.filter(pc.invert(_is_of(table, corrections))), made])


def _of(table: pa.Table, keys: Mapping[str, Any]) -> pa.Table:
    return table.filter(_is_of(table, keys))


def _is_of(table: pa.Table, keys: Mapping[str, Any]) -> Any:
    return pc.is_in(table["household_id"], value_set=pa.array(sorted(keys), pa.string()))
