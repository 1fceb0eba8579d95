"""Feeds that go on saying "complete" and bring nothing: every month of it is seen, not the first alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features import FEATURES, Signals, build_vectors
from features.health import Deliveries, Health, apply_health, check_health
from features.health.grid import Grid
from features.health.history import History
from features.health.months import first_day, month_of
from tests.features.health.faulty import SETTINGS, FaultyCounty

AS_OF = SETTINGS.ends_on


def months_of(table: pa.Table) -> Any:
    return table["occurred_on"].to_numpy().astype("datetime64[M]")


def month(number: int) -> np.datetime64:
    return np.datetime64(first_day(number), "M")


def with_rows(faulty: FaultyCounty, feed: str, kept: Any) -> Signals:
    """The county in which only some rows of a feed came; statements as they were."""
    tables = dict(faulty.clean.signals.tables)
    tables[feed] = tables[feed].filter(pa.array(kept))
    return Signals(tables, faulty.clean.signals.coverage)


def judged(signals: Signals, feed: str, periods: int = 12) -> Health:
    return check_health(Deliveries.of(signals), AS_OF, feeds=[feed], periods=periods)


@pytest.fixture(scope="module")
def due(faulty: FaultyCounty) -> int:
    """The last month that is judged of income and of illness."""
    found = {
        verdict.period
        for feed in ("income", "illness")
        for verdict in judged(faulty.clean.signals, feed, 1).verdicts
    }
    (last,) = found
    return month_of(last)


@pytest.mark.parametrize("feed", ["income", "illness"])
@pytest.mark.parametrize("empty", [14, 12, 6])
def test_every_empty_month_is_blocked(faulty: FaultyCounty, due: int, feed: str, empty: int) -> None:
    since = due - empty + 1
    rows = months_of(faulty.clean.signals.tables[feed])
    found = judged(with_rows(faulty, feed, rows < month(since)), feed)
    # The few rows that still arrive are late ones of the months before, which may be named first.
    assert {one.reason for one in found.blocked} <= {"few_rows", "shifted_dates"}
    assert {one.period for one in found.blocked} == {
        first_day(one) for one in range(max(since, due - 11), due + 1)
    }


def test_an_empty_year_is_no_income_of_zero(faulty: FaultyCounty, due: int) -> None:
    rows = months_of(faulty.clean.signals.tables["income"])
    signals = with_rows(faulty, "income", rows < month(due - 11))
    chosen = [FEATURES["income_net_yuan_12m"]]
    before, after = (
        build_vectors(one, [AS_OF], features=chosen)["income_net_yuan_12m"]
        for one in (signals, apply_health(signals, judged(signals, "income")))
    )
    # Taken at its word, the empty feed makes nearly everybody a household without income.
    assert (before == 0).mean() > 0.9
    assert after.isna().all()


@pytest.mark.parametrize("feed", ["income", "illness"])
def test_an_empty_month_long_ago_hides_no_later_loss(faulty: FaultyCounty, due: int, feed: str) -> None:
    rows = months_of(faulty.clean.signals.tables[feed])
    lost = (rows == month(due)) & (np.arange(len(rows)) % 10 > 0)
    gap = rows == month(due - 15)
    assert judged(with_rows(faulty, feed, ~gap), feed, 1).blocked == ()
    (verdict,) = judged(with_rows(faulty, feed, ~gap & ~lost), feed, 1).blocked
    assert verdict.period == first_day(due)


@pytest.mark.parametrize("empty", [14, 12, 3])
def test_every_empty_month_of_a_village_is_flagged(faulty: FaultyCounty, due: int, empty: int) -> None:
    table = faulty.clean.signals.tables["income"]
    homes = [faulty.villages.get(one, "") for one in table["household_id"].to_pylist()]
    village, _ = Counter(homes).most_common(1)[0]
    is_there = np.array([one == village for one in homes])
    since = due - empty + 1
    found = judged(with_rows(faulty, "income", ~(is_there & (months_of(table) >= month(since)))), "income")
    assert found.blocked == ()
    assert {one.period for one in found.flagged if one.area == village} == {
        first_day(one) for one in range(max(since, due - 11), due + 1)
    }


@pytest.mark.parametrize(("empty", "flagged"), [(12, 6), (48, 12)])
def test_a_village_of_few_rows_falls_silent(faulty: FaultyCounty, due: int, empty: int, flagged: int) -> None:
    """Claims are rare in a village: one empty month is chance, a year is not, nor is a village never heard of."""
    table = faulty.clean.signals.tables["illness"]
    homes = [faulty.villages.get(one, "") for one in table["household_id"].to_pylist()]
    village, _ = Counter(homes).most_common(1)[0]
    is_there = np.array([one == village for one in homes])
    lost = is_there & (months_of(table) > month(due - empty))
    found = judged(with_rows(faulty, "illness", ~lost), "illness")
    assert found.blocked == ()
    mine = sorted(one.period for one in found.flagged if one.area == village)
    assert len(mine) >= flagged
    assert mine[-1] == first_day(due)
    assert all(village == faulty.villages[one] for one in found.flagged[-1].households)


def test_a_feed_that_comes_in_bursts_owes_nothing(faulty: FaultyCounty, due: int) -> None:
    """Months without a disaster are no outage, however long they last."""
    rows = months_of(faulty.clean.signals.tables["disaster"])
    for empty in (3, 12, 20):
        found = judged(with_rows(faulty, "disaster", rows < month(due - empty)), "disaster")
        assert found.blocked == found.flagged == ()


def test_the_rest_of_an_area_stands_for_what_is_left_out() -> None:
    grid = Grid([0, 1, 2], ["500299001001", "500299001002", "500299001003", "500299002001"])
    grid.fill(
        "rows", [0, 0, 0, 1, 1, 1, 2, 2, 2], [*grid.villages[:3]] * 3, [30, 60, 10, 0, 60, 10, 33, 66, 11]
    )
    stated = np.ones((3, 4), dtype=np.bool_)
    stated[2, 1] = False
    history = History(grid, stated)
    town = grid.mask("500299001")
    history.leave_out(1, grid.mask(grid.villages[0]))
    # 31.5 + 60 + 31/3 are the town's usual rows; without the first village 70 of 70.33 came.
    usual = np.array([31.5, 60.0, 31 / 3])
    assert history.row_counts(town)[1] == pytest.approx(70 * usual.sum() / usual[1:].sum())
    assert history.total("rows", town).tolist() == [100, 70, 44]
    # Of the last month only the smaller part is stated: it says nothing of the town.
    assert history.rows(np.arange(3), town) == [0, 1]
    assert history.rows(np.arange(3), grid.mask("500299001003")) == [0, 1, 2]
    assert history.rows(np.arange(3), grid.mask("500299002")) == [0, 1, 2]
    assert history.row_counts(grid.mask("500299002")).tolist() == [0, 0, 0]
