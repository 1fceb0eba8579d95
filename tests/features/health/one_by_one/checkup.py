"""Check-up: the rules of `features.health`, with no area sorted out before it is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from features.connection import connect
from features.health import Deliveries, Health, checkup, faults, silences
from features.health.checkup import PERIODS, FeedCheck
from features.health.grid import Counts, Mask, Parts
from features.health.statements import Statements as FastStatements
from features.signals import CONTRACTS
from features.signals.store import Signals
from tests.features.health.one_by_one.history import History
from tests.features.health.one_by_one.outages import leave_out_outages
from tests.features.health.one_by_one.records import Records
from tests.features.health.one_by_one.register import Register


class Statements(FastStatements):
    """What was stated is looked up for one village and month at a time."""

    def matrix(self, villages: Sequence[str], months: Sequence[int]) -> Mask:
        told = [[self.of(village, month).on is not None for village in villages] for month in months]
        return np.array(told, dtype=np.bool_).reshape(len(months), len(villages))


def check_health(signals: Signals | Deliveries, as_of: dt.date, *, feeds: Iterable[str]) -> Health:
    """`features.health.check_health`, with every area asked."""
    given = signals if isinstance(signals, Deliveries) else Deliveries.of(signals)
    verdicts, absent = [], []
    for feed in feeds:
        with feed_check(given, feed, as_of) as check:
            if check.statements.is_empty:
                absent.append(feed)
            else:
                verdicts += check.verdicts(PERIODS)
    return Health(as_of, tuple(verdicts), tuple(absent))


@contextmanager
def feed_check(given: Deliveries, feed: str, as_of: dt.date) -> Iterator[FeedCheck]:
    """The check of one feed of some deliveries; while it is open, every area is asked."""
    tables, refused = given.signals.tables, given.refused
    with connect() as connection, _each_asked():
        register = Register(connection, tables["household"], as_of, refused.get("household"))
        records = Records(CONTRACTS[feed], tables[feed], register, refused.get(feed))
        yield FeedCheck(records, Statements(given.signals.coverage, feed, as_of))


@contextmanager
def _each_asked() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkup, "History", History)
        patch.setattr(checkup, "leave_out_outages", leave_out_outages)
        patch.setattr(silences, "_suspects", _every_place)
        for test in (faults._ShareTest, faults.FewRowsTest):
            patch.setattr(test, "may_fire_in", _everywhere)
        yield


def _everywhere(test: object, parts: Parts) -> Mask:
    return np.ones(len(parts), dtype=np.bool_)


def _every_place(rows: Counts, stated: Mask, free: Mask, surprising: float) -> list[int]:
    return [int(one) for one in np.flatnonzero(free)]
