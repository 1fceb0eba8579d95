"""What the demo's database holds when it is ready, and on which page of which account it is seen."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from serving.cases.correction import CorrectionState
from serving.cases.state import CaseState

_OPEN = "closed_on IS NULL"


def sights(database: Path, today: dt.date) -> Iterator[str]:
    """The lines that are printed."""
    with contextlib.closing(sqlite3.connect(database)) as connection:

        def count(query: str, *given: object) -> int:
            return int(connection.execute(query, given).fetchone()[0])

        states = dict(connection.execute("SELECT state, count(*) FROM case_file GROUP BY state").fetchall())
        late = count(f"SELECT count(*) FROM case_file WHERE {_OPEN} AND due_on < ?", today.isoformat())
        told = ", ".join(f"{states[one]:,} {one.value}" for one in CaseState if states.get(one))
        yield f"{sum(states.values()):,} cases: {told}; {late:,} open ones overdue"
        channels = connection.execute("SELECT channel, count(*) FROM case_lead GROUP BY 1 ORDER BY 2 DESC")
        leads = ", ".join(f"{number:,} {name}" for name, number in channels)
        visits, arrived = (count(f"SELECT count(*) FROM {one}") for one in ("visit", "measure_delivery"))
        yield f"leads: {leads}; {visits:,} visits, {arrived:,} deliveries"
        corrections = dict(connection.execute("SELECT state, count(*) FROM correction GROUP BY 1").fetchall())
        village = connection.execute("SELECT min(village_code) FROM assessment").fetchone()[0]
        own = count(f"SELECT count(*) FROM case_file WHERE {_OPEN} AND village_code = ?", village)
        grids = count("SELECT count(DISTINCT grid) FROM household_grid WHERE village_code = ?", village)
        checked = count("SELECT count(*) FROM case_file WHERE state = 'approving'")
        resolved = states.get("resolved", 0)
    yield f"demo.village, demo.helper   /list         {own} open cases of their village, and whom to visit"
    waiting, taken, not_taken = (corrections.get(one.value, 0) for one in CorrectionState)
    yield (
        f"demo.township               /corrections  {waiting} corrections wait for it; {taken} taken and "
        f"{not_taken} refused"
    )
    yield f"demo.village                /areas        the board of the village, by its {grids} grids"
    yield f"demo.county                 /areas        the board; {checked} cases wait for its approval"
    yield f"demo.county                 /relapses     {resolved} resolved cases, those with something new"
    yield "demo.province               /areas        the same without small counts, down to townships"
    yield "demo.accounts, demo.auditor, demo.monitor   /accounts, /audit, /feeds"
