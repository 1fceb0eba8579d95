"""What is looked at when Prometheus asks: model, jobs, audit log, last batch, feeds, room on the disks.

The database is asked at most once in `KEPT_SECONDS`. What does not answer is told as such; it never ends the
answer.
"""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from features.policy import policy_value
from serving.champion import Champion
from serving.drain import Drain
from serving.errors import Problem, SettingsError
from serving.jobs.job import OPEN, JobState
from serving.metrics.feed_ages import DEPARTMENT_FEEDS, FeedAge, FeedAges
from serving.settings import Settings
from serving.storage.audit import HEAD
from serving.storage.keys import utc_now
from serving.storage.runs import count_run, find_runs
from serving.storage.tables import audit_head, job

KEPT_SECONDS = 10.0
READY, DRAINING = "ready", "draining"


@dataclass(frozen=True)
class Stored:
    """What the database says. Ages are in seconds, `None` where there is nothing to have one."""

    is_readable: bool
    jobs: Mapping[str, int] = field(default_factory=dict)
    ended_leases: int = 0
    oldest_waiting: float | None = None
    audit_entries: int = 0
    newest_assessment: dt.date | None = None
    nothing_known: int = 0


class ServiceState(Collector):
    """Collects it. Only counts and ages leave the database: no key, no area."""

    def __init__(
        self,
        engine: Engine,
        champion: Champion,
        drain: Drain,
        settings: Settings,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.engine = engine
        self.champion = champion
        self.drain = drain
        self.now = now
        self._places = dict(_places(settings))
        self._feeds = FeedAges(settings.signals_dir) if settings.signals_dir else None
        self._lock = threading.Lock()
        self._kept: tuple[float, Stored] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing is collected when this is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._model()
        yield from self._storage(self._stored())
        if self._feeds is not None:
            yield from _feeds(self._feeds.ages(self.now().date()))
            yield from self._normal_delays()
        room = GaugeMetricFamily("fangfan_disk_free_bytes", "Room on the disk", labels=("place",))
        for place, path in self._places.items():
            try:
                room.add_metric((place,), shutil.disk_usage(path).free)
            except OSError:
                continue
        yield room

    def _model(self) -> Iterator[Metric]:
        version = None
        try:
            version = self.champion.scorer().model_version
            state = DRAINING if self.drain.is_begun else READY
        except Problem as problem:
            state = problem.code
        said = GaugeMetricFamily(
            "fangfan_state", "1 for what the answering process is: ready, draining, or why it has no model",
            labels=("state",),
        )  # fmt: skip
        for one in {READY, DRAINING, "model_loading", "model_failed", state}:
            said.add_metric((one,), one == state)
        yield said
        if version is not None:
            info = GaugeMetricFamily("fangfan_model_info", "The model that answers", labels=("version",))
            info.add_metric((version,), 1)
            yield info

    def _normal_delays(self) -> Iterator[Metric]:
        try:
            region = self.champion.region()
        except Problem:
            return
        value = policy_value("feed_delay_days", region, self.now().date()).value
        delays = GaugeMetricFamily(
            "fangfan_feed_normal_delay_days",
            "Beyond it a feed is stale",
            labels=("feed",),
        )
        for feed in DEPARTMENT_FEEDS:
            delays.add_metric((feed,), value[feed])
        yield delays

    def _storage(self, stored: Stored) -> Iterator[Metric]:
        yield _one("fangfan_storage_readable", "Whether the database answers", stored.is_readable)
        if not stored.is_readable:
            return
        jobs = GaugeMetricFamily("fangfan_jobs", "Jobs that are kept, by state", labels=("state",))
        for state in JobState:
            jobs.add_metric((state.value,), stored.jobs.get(state.value, 0))
        yield jobs
        yield _one("fangfan_jobs_ended_leases", "Leases of open jobs that ran out", stored.ended_leases)
        yield _one(
            "fangfan_jobs_oldest_waiting_seconds",
            "Since when the oldest job waits",
            stored.oldest_waiting or 0,
        )
        yield _one("fangfan_audit_entries", "Entries of the log of who read what", stored.audit_entries)
        if stored.newest_assessment is not None:
            days = (self.now().date() - stored.newest_assessment).days
            yield _one("fangfan_newest_assessment_age_days", "Days since the latest date assessed", days)
            yield _one(
                "fangfan_nothing_known_households",
                "Households of that run of which every department is silent",
                stored.nothing_known,
            )

    def _stored(self) -> Stored:
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_SECONDS:
                self._kept = time.monotonic(), self._read()
            return self._kept[1]

    def _read(self) -> Stored:
        try:
            with self.engine.connect() as connection:
                counts = select(job.c.state, func.count()).group_by(job.c.state)
                waiting = select(func.min(job.c.created_at)).where(job.c.state == JobState.QUEUED)
                ended = select(func.sum(job.c.failures)).where(job.c.state.in_(OPEN))
                oldest = connection.execute(waiting).scalar()
                runs = find_runs(connection, "")
                return Stored(
                    True,
                    {one.state: one[1] for one in connection.execute(counts)},
                    connection.execute(ended).scalar() or 0,
                    (self.now() - oldest).total_seconds() if oldest else None,
                    connection.execute(select(audit_head.c.seq).where(audit_head.c.id == HEAD)).scalar() or 0,
                    runs[0].as_of_date if runs else None,
                    count_run(connection, runs[0]).nothing_known if runs else 0,
                )
        except SQLAlchemyError:
            return Stored(False)


def _places(settings: Settings) -> Iterator[tuple[str, Path]]:
    try:
        yield "jobs", settings.jobs_folder
    except SettingsError:
        return
    if settings.database_url.startswith("sqlite:"):
        yield "database", Path(settings.database_url.partition("///")[2]).absolute().parent


def _feeds(ages: Mapping[str, FeedAge] | None) -> Iterator[Metric]:
    yield _one(
        "fangfan_feeds_readable", "Whether the statements of what arrived can be read", ages is not None
    )
    newest = GaugeMetricFamily(
        "fangfan_feed_newest_age_days",
        "Days since the last day that the feed covers anywhere",
        labels=("feed",),
    )
    oldest = GaugeMetricFamily(
        "fangfan_feed_oldest_age_days", "The same for the area that is furthest behind", labels=("feed",)
    )
    for feed, age in (ages or {}).items():
        newest.add_metric((feed,), age.newest_days)
        oldest.add_metric((feed,), age.oldest_days)
    yield newest
    yield oldest


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=float(value))
