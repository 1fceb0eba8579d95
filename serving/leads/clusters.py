"""Warnings of clusters: the ledger's events by township and theme, judged county by county."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, func, select

from features.policy import policy_value
from scoring.themes import THEMES
from serving.access import Scope
from serving.cases.channel import Channel
from serving.cases.cluster import join, judge, keep_true, learn
from serving.storage.area_counts import AreaCounts
from serving.storage.case_tables import case_lead
from serving.storage.ranges import inside
from serving.storage.tables import area_summary
from serving.storage.transactions import unlogged

COUNTY, TOWNSHIP = 6, 9
_MARGIN_DAYS = 31
"""Before the past that is counted: what was first told of then is no new event of it."""


@dataclass(frozen=True)
class Rules:
    """What is looked at (policy `cluster_warning`), and whether the numbers are assumed."""

    days: int
    spans: int
    least_spans: int
    false_share: float
    is_assumption: bool

    @classmethod
    def of(cls, region: str, on: dt.date) -> Rules:
        """The rules in force; raises `PolicyError` for a day before there were any."""
        found = policy_value("cluster_warning", region, on)
        return cls(**found.value, is_assumption=found.is_assumption)


@dataclass(frozen=True)
class Cluster:
    """New events of one theme in one township in the last span, beside what was expected.

    `expected` with the ends of the middle 95 % of what its past and its county let expect; `p_value` is the
    chance of as many or more.
    """

    area_code: str
    theme: str
    observed: int
    expected: float
    low: int
    high: int
    p_value: float
    is_warning: bool

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Clusters:
    """Every township and theme of the judged counties with new events, warnings first.

    Of `unjudged` counties too little of the past is known. `since` is the first day of the last span.
    """

    as_of: dt.date
    since: dt.date
    rules: Rules
    judged: tuple[str, ...]
    unjudged: tuple[str, ...]
    found: tuple[Cluster, ...]


def find_clusters(engine: Engine, area: str, as_of: dt.date, region: str) -> Clusters:
    """Judge the counties of an area, or the county that it lies in, of which only the area's own is told.

    Raises `PolicyError` for a day before the policy and `Problem` where the database does not answer.
    """
    rules = Rules.of(region, as_of)
    since = as_of - dt.timedelta(days=rules.days - 1)
    first = since - dt.timedelta(days=rules.spans * rules.days)
    around = area[:COUNTY]
    with unlogged(engine) as connection:
        counts = _count(connection, around, first, as_of, rules)
        households = _households(connection, around, as_of)
        begins = _begins(connection, around)
    towns: dict[str, list[str]] = {}
    for town in sorted({*households, *(town for town, _ in counts)}):
        towns.setdefault(town[:COUNTY], []).append(town)
    known = {county: _known_spans(begins.get(county), since, rules) for county in towns}
    judged = [county for county in towns if known[county] >= rules.least_spans]
    unjudged = [county for county in towns if known[county] < rules.least_spans]
    # Villages have no warning of their own.
    kept = [
        one
        for one in _judge({one: towns[one] for one in judged}, counts, households, known, rules)
        if one.area_code.startswith(area)
    ]
    kept.sort(key=lambda one: (not one.is_warning, one.p_value, one.area_code, one.theme))
    return Clusters(as_of, since, rules, tuple(judged), tuple(unjudged), tuple(kept))


def _judge(
    towns: dict[str, list[str]], counts: dict[tuple[str, str], np.ndarray], households: dict[str, int],
    known: dict[str, int], rules: Rules,
) -> Iterator[Cluster]:  # fmt: skip
    """The townships of each county with new events, by theme."""
    if not towns:
        return
    nothing = np.zeros(rules.spans + 1, dtype=np.int64)
    # A township that no run has counted is taken to be as large as the others are in the middle.
    usual = int(np.median(list(households.values()))) if households else 1
    learned, observed = [], []
    for county, ours in towns.items():
        sizes = np.array([households.get(one, usual) for one in ours], dtype=np.int64)
        for theme in THEMES:
            table = np.array([counts.get((town, theme), nothing) for town in ours])
            learned.append(learn(table[:, rules.spans - known[county] : rules.spans], sizes))
            observed.append(table[:, rules.spans])
    now = np.concatenate(observed)
    expected = judge(join(learned), now)
    start = 0
    for ours in towns.values():
        # One family a county: whoever asks for a part of it is told the same.
        cells = [(town, theme) for theme in THEMES for town in ours]
        told = expected.p_values[start : start + len(cells)].tolist()
        for at, is_warning in enumerate(keep_true(told, rules.false_share)):
            n = start + at
            if now[n]:
                yield Cluster(
                    *cells[at], int(now[n]), float(expected.mean[n]), int(expected.low[n]),
                    int(expected.high[n]), told[at], is_warning,
                )  # fmt: skip
        start += len(cells)


def _count(
    connection: Connection, area: str, first: dt.date, until: dt.date, rules: Rules
) -> dict[tuple[str, str], np.ndarray]:  # fmt: skip
    """Events by township and theme, in spans from the oldest to the last one.

    An event is counted once, when it was first known, however many told of it. A score is nothing that
    happened, and is not counted.
    """
    village = case_lead.c.village_code
    known = func.min(case_lead.c.known_on).label("known_on")
    town, theme = func.substr(village, 1, TOWNSHIP).label("town"), func.min(case_lead.c.theme).label("theme")
    query = (
        select(town, theme, known)
        .where(
            *_happened_in(area), case_lead.c.known_on <= until,
            case_lead.c.known_on >= first - dt.timedelta(days=_MARGIN_DAYS),
        )
        .group_by(case_lead.c.event_key, town)
    )  # fmt: skip
    made: dict[tuple[str, str], np.ndarray] = {}
    for of, about, day in connection.execute(query):
        if day >= first:
            spans = made.setdefault((of, about), np.zeros(rules.spans + 1, dtype=np.int64))
            spans[(day - first).days // rules.days] += 1
    return made


def _begins(connection: Connection, area: str) -> dict[str, dt.date]:
    """The first day that the ledger knows anything of, by county."""
    village = case_lead.c.village_code
    county = func.substr(village, 1, COUNTY).label("county")
    query = (
        select(county, func.min(case_lead.c.known_on).label("day"))
        .where(
            case_lead.c.channel != Channel.SCORE.value, Scope(area).condition(village), *inside(area, village)
        )
        .group_by(county)
    )
    return {one.county: one.day for one in connection.execute(query)}


def _happened_in(area: str) -> list[ColumnElement[bool]]:
    village = case_lead.c.village_code
    is_report = case_lead.c.channel != Channel.SCORE.value
    return [is_report, Scope(area).condition(village), *inside(area, village)]


def _known_spans(begins: dt.date | None, since: dt.date, rules: Rules) -> int:
    return 0 if begins is None else min(rules.spans, max(0, (since - begins).days // rules.days))


def _households(connection: Connection, area: str, until: dt.date) -> dict[str, int]:
    """Households by township, as the latest run counted them."""
    code = area_summary.c.area_code
    query = (
        select(code, area_summary.c.counts)
        .where(
            func.length(code) == TOWNSHIP, Scope(area).condition(code), *inside(area, code),
            area_summary.c.as_of_date <= until,
        )
        .order_by(area_summary.c.as_of_date)
    )  # fmt: skip
    # Later ones take the place of earlier ones.
    return {one.area_code: AreaCounts.from_json(one.counts).households for one in connection.execute(query)}
