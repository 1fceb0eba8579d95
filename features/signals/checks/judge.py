"""Judging: the checks, rules that hold a record against other records, against policy and against the date.

Each is one query over the accepted rows as they were known on the date of the delivery, and names rows of
one feed; none refuses anything. Where a rule speaks of what is *not* there, it asks only households for which
the feed is covered: a silent feed is no evidence. A rule without a policy value in force is not judged, and
the report says so.
Source: DOMAIN §3, public audit rules of such systems, where no other is given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.connection import connect
from features.dates import from_day
from features.errors import PolicyError
from features.policy import policy_history, policy_value
from features.regions import check_area_code
from features.signals import CONTRACTS
from features.signals.checks.monitoring import MONITORING
from features.signals.checks.plausible import PLAUSIBLE
from features.signals.checks.repeats import REPEATS
from features.signals.intake import Flagged
from features.signals.store import Signals

CHECKS = (*REPEATS, *PLAUSIBLE, *MONITORING)
"""Every rule of severity ``flag`` but those over ID numbers, which only intake sees."""


@dataclass(frozen=True)
class Judged:
    """What the checks found in each feed, and the codes of those that could not be asked."""

    flagged: Mapping[str, tuple[Flagged, ...]]
    unjudged: tuple[str, ...]


def judge(signals: Signals, region: str, on: dt.date) -> Judged:
    """Ask every check of the signals as known on `on`; places are positions in the tables of `signals`."""
    values = _values(region, on)
    flagged: dict[str, list[Flagged]] = {}
    unjudged = []
    with connect() as connection:
        _register(connection, signals, region, on)
        for check in CHECKS:
            if not check.values <= values.keys():
                unjudged.append(check.code)
                continue
            # A feed without rows has nothing to flag.
            if len(signals.tables[check.feed]) == 0:
                continue
            found = connection.sql(check.sql.format(**values)).fetchnumpy()["row"]
            if len(found):
                places = tuple(np.unique(np.asarray(found)).tolist())
                flagged.setdefault(check.feed, []).append(Flagged(check.code, check.field, places))
    return Judged({feed: tuple(one) for feed, one in flagged.items()}, tuple(dict.fromkeys(unjudged)))


def _values(region: str, on: dt.date) -> dict[str, str]:
    """Names of the queries → SQL literals; a policy value that is not in force has none."""
    names = (
        "land_limit_mu", "wage_floor_yuan", "elimination_months", "self_report_months", "same_event_days",
        "school_age_years", "feed_delay_days",
    )  # fmt: skip
    values = {"today": _day(on), "far": "DATE '9999-12-31'"}
    for name in names:
        try:
            value = policy_value(name, region, on).value
        except PolicyError:
            continue
        if name == "feed_delay_days":
            values |= {f"{feed}_delay": str(days) for feed, days in value.items()}
        elif name == "school_age_years":
            values |= {"first_age": str(value["first"]), "school_years": str(value["years"])}
        else:
            values[name] = str(value)
    try:
        lines = [one for one in policy_history("monitoring_line", region) if one.effective_from <= on]
    except PolicyError:
        lines = []
    if lines:
        rows = ", ".join(f"({_day(one.effective_from)}, {one.value * 100})" for one in lines)
        values["lines"] = f"(VALUES {rows})"
    if "member_delay" in values:
        # The school year that every school has reported by now.
        told = on - dt.timedelta(days=int(values["member_delay"]))
        began = dt.date(told.year if told >= dt.date(told.year, 9, 1) else told.year - 1, 9, 1)
        values["school_year"] = _day(began)
    return values


def _register(connection: duckdb.DuckDBPyConnection, signals: Signals, region: str, on: dt.date) -> None:
    for feed, contract in CONTRACTS.items():
        table = signals.tables[feed]
        connection.register(f"all_{feed}", table.append_column("row", pa.array(np.arange(len(table)))))
        end, is_open = "", ""
        if contract.kind == "spell":
            end = f" REPLACE (CASE WHEN ended_known_on <= {_day(on)} THEN ended_on END AS ended_on)"
            is_open = ", NOT COALESCE(ended_known_on <= {0} AND ended_on < {0}, FALSE) AS is_open"
        connection.execute(
            f"CREATE VIEW {feed} AS SELECT *{end}{is_open.format(_day(on))} FROM all_{feed} "
            f"WHERE occurred_on <= {_day(on)} AND known_on <= {_day(on)}"
        )
    connection.register("places", _covered(connection, signals, region, on))
    connection.execute(
        "CREATE TABLE home AS SELECT household_id, ARG_MAX(village_code, occurred_on) AS village_code "
        "FROM household WHERE is_open GROUP BY household_id"
    )
    for feed in CONTRACTS:
        connection.execute(
            f"CREATE VIEW covered_{feed} AS SELECT household_id, since_on, LEAST(until_on, {_day(on)}) "
            f"AS until_on FROM home JOIN places USING (village_code) WHERE feed = '{feed}'"
        )


def _covered(connection: duckdb.DuckDBPyConnection, signals: Signals, region: str, on: dt.date) -> pa.Table:
    villages = connection.sql("SELECT DISTINCT village_code FROM household").fetchall()
    rows: dict[str, list[Any]] = {"feed": [], "village_code": [], "since_on": [], "until_on": []}
    for (village,) in villages:
        for feed in CONTRACTS:
            found = signals.coverage.covered(feed, check_area_code(village), on, region)
            if found is not None and not found.is_stale:
                cells = (feed, village, from_day(found.since_day), from_day(found.until_day))
                for name, cell in zip(rows, cells, strict=True):
                    rows[name].append(cell)
    kinds = (pa.string(), pa.string(), pa.date32(), pa.date32())
    return pa.table({
        name: pa.array(cells, kind) for (name, cells), kind in zip(rows.items(), kinds, strict=True)
    })


def _day(day: dt.date) -> str:
    return f"DATE '{day.isoformat()}'"
