"""Warnings of clusters: how often they are false where nothing happens, and how often a flood is seen."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from sqlalchemy import Engine

from serving.cases.cluster import join, judge, keep_true, learn
from serving.leads.clusters import find_clusters
from serving.storage import AssessmentStore
from serving.storage.leads import LeadStore
from tests.serving.leads.conftest import PLATFORM, a_body, a_lead

TOWNS, SPANS = 27, 12


def a_county(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Events by township in the past spans and the last, and the townships' households."""
    sizes = rng.integers(200, 1_500, TOWNS)
    rate = rng.choice([0.0003, 0.002, 0.006]) * (
        np.ones(TOWNS) if kind == "alike" else rng.gamma(8, 1 / 8, TOWNS)
    )
    mean = (rate * sizes)[:, None] * np.ones(SPANS + 1)
    if kind == "in batches":
        mean *= rng.gamma(3, 1 / 3, mean.shape)
    return rng.poisson(mean), sizes


@pytest.mark.parametrize("kind", ["alike", "different", "in batches"])
def test_warnings_are_as_seldom_false_as_they_say(kind: str) -> None:
    rng = np.random.default_rng(11)
    false, small, cells, seen, false_beside, warned = 0, 0, 0, 0, 0, 0
    trials = 150
    for _ in range(trials):
        told, sizes = a_county(rng, kind)
        quiet = judge(learn(told[:, :-1], sizes), told[:, -1]).p_values
        false += any(keep_true(quiet.tolist(), 0.1))
        small += int((quiet <= 0.05).sum())
        cells += TOWNS
        flooded = told[:, -1].copy()
        flooded[0] += 25
        kept = keep_true(judge(learn(told[:, :-1], sizes), flooded).p_values.tolist(), 0.1)
        seen, false_beside, warned = seen + kept[0], false_beside + sum(kept[1:]), warned + sum(kept)
    # Where nothing happens every warning is false: the rate of any is the false discovery rate, 0.1, and
    # with 150 counties three standard errors are 0.073.
    assert false / trials < 0.173
    assert small / cells < 0.06
    assert false_beside / warned < 0.173
    assert seen / trials > (0.8 if kind == "in batches" else 0.97)


def test_the_interval_holds_what_it_should() -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(120):
        told, sizes = a_county(rng, "different")
        made = judge(learn(told[:, :-1], sizes), told[:, -1])
        inside.append((made.low <= told[:, -1]) & (told[:, -1] <= made.high))
        assert np.all(made.low <= made.mean + 1)
        assert np.all(made.variance >= made.mean)
    # Whole numbers cannot hold exactly 95 %: at least that.
    assert 0.94 < np.mean(inside) < 0.995


def test_by_hand() -> None:
    # One township alone: shape ½ and y = 12 events in 12 spans. Mean (0.5 + 12) / (0.5 / r + 12) with r = 12.5 / 12.
    made = judge(learn(np.ones((1, 12), dtype=np.int64), np.array([100])), np.array([1]))
    assert made.mean[0] == pytest.approx(12.5 / (0.5 / (12.5 / 12) + 12))
    assert made.variance[0] == pytest.approx(made.mean[0] + made.mean[0] ** 2 / 12.5)
    past, sizes, seen = np.zeros((3, 12), dtype=np.int64), np.array([100, 100, 0]), np.array([0, 3, 3])
    nothing = judge(learn(past, sizes), seen)
    assert nothing.p_values[0] == pytest.approx(1)
    assert nothing.p_values[1] < 0.01
    # Judged together with another county, each is judged as by itself.
    both = judge(join([learn(past, sizes), learn(past[:1] + 1, sizes[:1])]), np.array([0, 3, 3, 1]))
    for name in ("mean", "low", "high", "p_values"):
        assert getattr(both, name).tolist() == [*getattr(nothing, name), *getattr(made, name)]
    assert nothing.p_values[2] == 1
    # Benjamini and Hochberg: 0.01 ≤ 0.1/4, 0.04 ≤ 0.2/4, 0.09 > 0.3/4, 0.5 > 0.4/4.
    assert keep_true([0.5, 0.04, 0.09, 0.01], 0.1) == [False, True, False, True]
    # A later one that holds takes the earlier ones along.
    assert keep_true([0.06, 0.07, 0.06, 0.07], 0.1) == [True] * 4
    assert keep_true([], 0.1) == []


def test_a_flood_is_told_where_it_is(leads: LeadStore, assessments: AssessmentStore, engine: Engine) -> None:
    towns = [f"5009991{n:02}" for n in range(6)]
    as_of = dt.date(2026, 10, 31)
    rng = np.random.default_rng(3)
    bodies = [a_body(f"{town}-{n}") for town in towns for n in range(4)]
    assessments.save(bodies, [f"{town}201" for town in towns for _ in range(4)])
    told = []
    for town in towns:
        for back in range(1, 370):
            if rng.random() < 0.06:
                day = as_of - dt.timedelta(days=back)
                told.append(
                    a_lead(
                        "serious_illness",
                        f"P{town}-{back}",
                        village=f"{town}201",
                        occurred_on=day,
                        known_on=day,
                    )
                )
    flooded = as_of - dt.timedelta(days=10)
    for n in range(18):
        for source, code in (("emergency", "disaster_struck"), ("agriculture", "crop_loss")):
            # Two departments tell of one flood at one household: 18 events, not 36.
            told.append(
                a_lead(
                    code,
                    f"F{n}",
                    village=f"{towns[2]}20{n % 3}",
                    source=source,
                    occurred_on=flooded,
                    known_on=flooded,
                )
            )
    for start in range(0, len(told), 500):
        leads.add(PLATFORM, told[start : start + 500], on=as_of)
    found = find_clusters(engine, "500999", as_of, "CN-50")
    assert (found.judged, found.unjudged) == (("500999",), ())
    (warned,) = [one for one in found.found if one.is_warning]
    assert (warned.area_code, warned.theme, warned.observed) == (towns[2], "accident", 18)
    assert warned.expected < 1
    assert warned.p_value < 1e-6
    # A part of the county, and the country, are told the same of the township.
    assert find_clusters(engine, towns[2], as_of, "CN-50").found[0] == warned
    assert find_clusters(engine, "50", as_of, "CN-50").found[0] == warned
    assert find_clusters(engine, "51", as_of, "CN-50").found == ()
    assert find_clusters(engine, f"{towns[2]}201", as_of, "CN-50").found == ()
    # Two years before nothing was known of the past: nobody is warned, and that is said.
    early = find_clusters(engine, "500999", as_of - dt.timedelta(days=330), "CN-50")
    assert (early.judged, early.unjudged, early.found) == ((), ("500999",), ())
