"""Label quality: delays and channels by hand, and the section of a run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import Signals
from tests.training.conftest import ENDS_ON
from training.evaluation.estimate import plain
from training.evaluation.label_quality import Evidence, first_leads, gather_evidence, measure_labels
from training.experiment import Experiment, load_experiment
from training.matrix import Matrix, build_matrix
from training.visits import load_visits

AS_OF = dt.date(2025, 10, 31)
KEYS = [f"H{n}" for n in range(10)]
OUTCOMES = pd.DataFrame({
    "household_id": ["H0", "H1", "H2", "H3"],
    "identified_on": pd.to_datetime(["2026-01-31", "2026-02-10", "2026-03-01", "2025-10-31"]),
    "cause_code": "01",
    "object_type": "marginal",
    "began_on": pd.to_datetime(["2026-01-01", "NaT", "2025-12-01", "2025-01-01"]),
    "found_by": ["sweep", "screening", "sweep", "sweep"],
})
LEADS = pd.DataFrame({
    "household_id": ["H0", "H0", "H0", "H1", "H2", "H9"],
    "occurred_on": pd.to_datetime([
        "2025-01-30",  # more than a year before
        "2026-01-11",  # 20 days before: the first that counts
        "2026-01-30",
        "2026-02-11",  # a day after
        "2026-02-28",
        "2026-01-01",
    ]),
})


@pytest.fixture
def experiment(experiment_file: Path) -> Experiment:
    return load_experiment(experiment_file)


def measured(experiment: Experiment, visits: pd.DataFrame | None) -> dict[str, Any]:
    """Ten households; H3 was identified on the as-of date and is none of them. One visit is capacity."""
    kept = [one for one in KEYS if one != "H3"]
    index = pd.MultiIndex.from_product([kept, [pd.Timestamp(AS_OF)]], names=["household_id", "as_of_date"])
    labels = np.array([int(one in ("H0", "H1", "H2")) for one in kept])
    test = Matrix(pd.DataFrame({"x": np.zeros(len(kept))}, index=index), labels)
    scores = np.linspace(0.9, 0.1, len(kept))
    nothing = pd.DataFrame({"household_id": [], "helped_on": pd.to_datetime([])})
    evidence = Evidence(nothing, LEADS, visits, ENDS_ON)
    found: dict[str, Any] = plain(measure_labels(experiment, AS_OF, test, scores, OUTCOMES, evidence))
    return found


def test_delays_and_channels_by_hand(experiment: Experiment) -> None:
    found = measured(experiment, None)
    # From onset 30 and 90 days, one unknown; from the first lead 20 days and 1 day.
    onset = found["delay_since_onset"]
    assert (onset["identified"], onset["known"]) == (3, 2)
    # Of two, a resample has both, or one of them twice: its quartiles lie from 30 to 90.
    for key, days in (("quarter", 45.0), ("median", 60.0), ("three_quarters", 75.0)):
        assert onset[key] == {"value": days, "low": 30.0, "high": 90.0}
    assert found["delay_since_lead"]["known"] == 2
    assert found["delay_since_lead"]["median"]["value"] == 10.5
    screening, sweep = found["channels"]
    assert (screening["channel"], screening["identified"], screening["is_small"]) == ("screening", 1, True)
    assert (sweep["channel"], sweep["identified"], sweep["is_small"]) == ("sweep", 2, True)
    # Wilson's intervals of 0 in 1, 1 in 2, 1 in 3 and 2 in 3, as published calculators give them.
    for one, low, value, high in (
        (screening["recall"], 0.0, 0.0, 0.793),
        (sweep["recall"], 0.095, 0.5, 0.905),
        (screening["share"], 0.061, 1 / 3, 0.792),
        (sweep["share"], 0.208, 2 / 3, 0.939),
    ):
        assert (one["low"], one["value"], one["high"]) == pytest.approx((low, value, high), abs=1e-3)
    assert found["helped"]["plain"] == found["helped"]["censored"] == found["helped"]["weighted"]
    assert "missed" not in found
    assert "at_random" not in found


def test_random_visits_are_weighed_by_their_chance(experiment: Experiment) -> None:
    """H8 at 1 in 10 and H1 at 1 in 2 are 10 and 2 households; listed and futile visits do not count."""
    visits = pd.DataFrame({
        "household_id": ["H8", "H1", "H0", "H5", "H3"],
        "visited_on": pd.to_datetime(["2025-12-01"] * 5),
        "is_random": [True, True, False, True, True],
        "finding": ["no_difficulty", "difficulty", "difficulty", "not_met", "difficulty"],
        "chance": [0.1, 0.5, np.nan, 0.5, 0.5],
    })
    found = measured(experiment, visits)["at_random"]
    assert (found["visits"], found["found"]) == (2, 1)
    assert found["figures"]["base_rate"]["value"] == pytest.approx(2 / 12)
    assert found["figures"]["roc_auc"]["value"] == 1.0


def test_a_countys_labels(county_folder: Path, experiment: Experiment) -> None:
    signals = Signals.load(county_folder / "signals")
    outcomes = pd.read_parquet(county_folder / "outcomes.parquet")
    test = build_matrix(
        signals, outcomes, [AS_OF], features=["income_net_yuan_12m"], horizon_months=12,
        outcomes_until=ENDS_ON, region="CN-50",
    )  # fmt: skip
    evidence = gather_evidence(signals, load_visits(county_folder), ENDS_ON)
    scores = 1 / (2 + test.vectors["income_net_yuan_12m"].rank().to_numpy())
    found = measure_labels(experiment, AS_OF, test, scores, outcomes, evidence)
    helped = found.helped
    assert found.delay_since_onset.identified == test.positives == helped.plain.positives
    assert sum(one.identified for one in found.channels) == test.positives
    assert sum(one.share.value for one in found.channels) == pytest.approx(1.0)
    for one in found.channels:
        assert one.recall.low <= one.recall.value <= one.recall.high
        assert one.recall.low < one.recall.high
    assert helped.helped >= helped.before_identification >= helped.before_outcome > 0
    assert helped.censored.n == helped.plain.n - helped.before_outcome
    assert helped.weighted.n == helped.plain.n - helped.before_identification
    assert helped.weighted.weight == pytest.approx(helped.plain.n, rel=0.02)
    assert found.missed is not None
    assert found.missed.last_on <= dt.date(2026, 7, 31)
    assert found.missed.population == pytest.approx(helped.plain.n, rel=0.03)
    assert found.at_random is not None
    assert found.at_random.figures.n == found.at_random.visits


def test_where_nobody_declared_there_are_no_first_leads() -> None:
    identified = pd.DataFrame({
        "household_id": ["a", "b"],
        "identified_on": pd.to_datetime(["2025-06-01", "2025-07-01"]),
    })
    leads = pd.DataFrame({"household_id": ["a"], "occurred_on": pd.to_datetime(["2025-05-01"])})
    assert first_leads(identified, leads).isna().tolist() == [False, True]
    assert first_leads(identified, leads.iloc[:0]).isna().all()
    assert len(first_leads(identified.iloc[:0], leads)) == 0
    assert first_leads(identified, leads.iloc[:0]).dtype.kind == "M"
