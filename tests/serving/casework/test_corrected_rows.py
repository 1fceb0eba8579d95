"""Corrections laid over rows: one household alone and a batch are corrected alike."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, Coverage, Signals
from features.engines.row import stored_row
from serving.cases.correction import FEEDS, Approved, Correction, lay_over
from serving.corrected_signals import lay_over_signals
from tests.serving.casework.county import (
    VILLAGE,
)

KEY = "C-0001"
feeds = st.sampled_from(sorted(set(FEEDS) - {"household"}))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, list[dict[str, Any]]], list[Approved], dt.date]:
    """Surface rows of one household by feed, corrections of them and of nothing, and a date."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    rows: dict[str, list[dict[str, Any]]] = {}
    approved = []
    for feed in draw(st.lists(feeds, min_size=1, max_size=3, unique=True)):
        contract = CONTRACTS[feed]
        rows[feed] = [{**contract.generate(rng), "household_id": KEY} for _ in range(draw(st.integers(0, 4)))]
        for _ in range(draw(st.integers(0, 3))):
            made = contract.generate(rng)
            told = {
                name: str(one) if isinstance(one, dt.date) else one
                for name, one in made.items()
                if name not in {"household_id", "known_on", "ended_known_on", "is_known_on_estimated"}
                and one is not None
            }
            kind = draw(st.sampled_from(["new", "changed", "gone"]))
            which = None
            if kind != "new":
                target = rng.choice(rows[feed]) if rows[feed] and rng.random() < 0.7 else made
                which = {"occurred_on": str(target["occurred_on"])}
            row = {} if kind == "gone" else told
            on = dt.date(2027, 1, 1) + dt.timedelta(days=draw(st.integers(0, 30)))
            approved.append(Approved(KEY, VILLAGE, Correction(feed, row, which), on))
    return rows, approved, dt.date(2027, 1, 1) + dt.timedelta(days=draw(st.integers(-1, 31)))


def plainly(
    rows: list[dict[str, Any]], feed: str, approved: list[Approved], as_of: dt.date
) -> list[dict[str, Any]]:
    """The rule written down once more, over parsed rows with dates."""
    made = list(rows)
    for one in sorted(approved, key=lambda each: each.approved_on):
        if one.correction.feed != feed or one.approved_on > as_of:
            continue
        if one.correction.replaces is not None:
            day = dt.date.fromisoformat(one.correction.replaces["occurred_on"])
            left = [row for row in made if row["occurred_on"] != day]
            if len(left) == len(made):
                continue
            made = left
        if one.correction.row:
            row = {**one.correction.row, "household_id": KEY, "known_on": str(one.approved_on)}
            if row.get("ended_on") is not None:
                row["ended_known_on"] = str(one.approved_on)
            parsed = CONTRACTS[feed].parse_row(row)
            assert isinstance(parsed, dict)
            made = [*made, parsed]
    return made


def stored(feed: str, row: dict[str, Any]) -> dict[str, Any]:
    parsed = CONTRACTS[feed].parse_row(row)
    assert isinstance(parsed, dict)
    return parsed


@settings(max_examples=40, derandomize=True, deadline=None)
@given(worlds())
def test_one_household_and_a_batch_are_corrected_alike(
    world: tuple[dict[str, list[dict[str, Any]]], list[Approved], dt.date],
) -> None:
    surface, approved, as_of = world
    register = {
        "household_id": KEY, "occurred_on": dt.date(2020, 1, 1), "known_on": dt.date(2020, 1, 1),
        "is_known_on_estimated": False, "village_code": VILLAGE, "background": "other", "land_mu": 3.0,
    }  # fmt: skip
    parsed = {feed: [stored(feed, row) for row in rows] for feed, rows in surface.items()}
    own = stored("household", register)
    tables = {
        feed: pa.Table.from_pylist(rows, schema=CONTRACTS[feed].schema) for feed, rows in parsed.items()
    }
    tables["household"] = pa.Table.from_pylist(
        [{**own, "household_id": "H-OTHER"}, own], schema=CONTRACTS["household"].schema
    )
    untouched = {feed: [dict(row) for row in rows] for feed, rows in parsed.items()}
    single = lay_over(
        {feed: [stored_row(row) for row in rows] for feed, rows in parsed.items()}, approved, as_of
    )
    whole, laid = lay_over_signals(Signals(tables, Coverage()), {KEY: approved}, as_of)
    for feed in surface:
        wanted = plainly(untouched[feed], feed, approved, as_of)
        assert single[feed] == [stored_row(one) for one in wanted]
        assert whole.household_rows(KEY)[feed] == [
            {name: one.get(name) for name in CONTRACTS[feed].schema.names} for one in wanted
        ]
    assert whole.household_rows("H-OTHER") == Signals(tables, Coverage()).household_rows("H-OTHER")
    counting = [one for one in approved if one.approved_on <= as_of]
    assert len(laid.get(KEY, ())) == len(counting)
