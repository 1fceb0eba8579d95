"""Dirt: as much as asked for, in the rows where the clean twin shows none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.simulation import County, CountySettings, simulate_county
from training.simulation.settings import FEEDS


@pytest.fixture(scope="module")
def twins() -> tuple[County, County]:
    """The same county clean and with dirt: dirt comes after everything that happens."""
    clean, dirty = (
        simulate_county(CountySettings(households=3_000, months=24, seed=4, dirt_share=share))
        for share in (0.0, 0.01)
    )
    return clean, dirty


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as the text that a spoilt column would hold."""
    columns: dict[str, pd.Series] = {}
    for name in frame:
        column = frame[name]
        if column.dtype.kind == "M":
            column = column.dt.strftime("%Y-%m-%d")
        elif column.dtype.kind == "f":
            column = column.map("{:.2f}".format)
        columns[str(name)] = column.astype(object).fillna("")
    return pd.DataFrame(columns).astype(str)


def defect_share(clean: pd.DataFrame, dirty: pd.DataFrame) -> float:
    before, after = as_text(clean), as_text(dirty)
    changed = (before.to_numpy() != after.iloc[: len(before)].to_numpy()).any(axis=1)
    return float((changed.sum() + len(after) - len(before)) / len(before))


def test_the_share_of_defects_is_as_asked(twins: tuple[County, County]) -> None:
    clean, dirty = twins
    rows = np.array([len(clean.feeds[feed]) for feed in FEEDS])
    shares = np.array([defect_share(clean.feeds[feed], dirty.feeds[feed]) for feed in FEEDS])
    # A defect is not seen where it changes nothing, such as a slip of a few yuan.
    assert 0.007 <= (shares * rows).sum() / rows.sum() <= 0.011


@pytest.mark.parametrize("feed", FEEDS)
def test_no_dirt_when_none_is_asked_for(twins: tuple[County, County], feed: str) -> None:
    frame = twins[0].feeds[feed]
    assert not frame.duplicated().any()
    assert frame["household_id"].str.fullmatch("H[0-9]{7}").all()
    assert frame["occurred_on"].dtype.kind == "M"


def test_the_kinds_of_dirt(twins: tuple[County, County]) -> None:
    feeds = twins[1].feeds
    income = feeds["income"]
    assert (income["occurred_on"] == "").any()
    assert (income["known_on"] == "2025/13/40").any()
    assert (income["known_on"] == "2001-01-01").any()
    assert income["household_id"].str.endswith(",").any()
    assert (income["amount_yuan"] == "1.2万元").any()
    assert (income["source"] == "其它").any()
    assert income.duplicated().any()
    assert feeds["illness"]["self_paid_yuan"].str.startswith("-").any()
    claims = feeds["illness"]
    own = pd.to_numeric(claims["self_paid_yuan"])
    assert (own + claims["reimbursed_yuan"] > claims["total_yuan"] + 0.01).any()


def test_outcomes_stay_clean(twins: tuple[County, County]) -> None:
    pd.testing.assert_frame_equal(twins[0].outcomes, twins[1].outcomes)
