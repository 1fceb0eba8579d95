"""What is counted while requests are answered."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.context_managers import InprogressTracker
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from serving.exchange import Exchange

REQUEST_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SCORING_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)


class _Bound(NamedTuple):
    """What is counted of every request of one kind, found once: looking it up costs more than counting."""

    requests: Counter
    seconds: Histogram
    bytes_in: Counter
    bytes_out: Counter


class Meters:
    """The counters of one service. Threads and, where a folder was made for it, processes add up.

    None of the labels can hold what a caller sent: `record` is given a route's template and known words.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._bound: dict[tuple[str, str, str], _Bound] = {}
        self._scored: dict[str, Histogram] = {}
        self._requests = Counter(
            "fangfan_requests", "Requests answered, by class of status",
            ("method", "route", "status"), registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "fangfan_request_seconds", "From the first byte to the last of the answer",
            ("route",), buckets=REQUEST_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._scoring = Histogram(
            "fangfan_scoring_seconds", "Of that, working out scores; for vectors and plans also reading them",
            ("route",), buckets=SCORING_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._problems = Counter(
            "fangfan_problems", "Requests answered with a problem, by its code",
            ("route", "code"), registry=self.registry,
        )  # fmt: skip
        self._bytes_in = Counter(
            "fangfan_request_body_bytes", "Bytes of bodies read", ("route",), registry=self.registry
        )
        self._bytes_out = Counter(
            "fangfan_response_body_bytes", "Bytes of bodies sent", ("route",), registry=self.registry
        )
        self._in_flight = Gauge(
            "fangfan_requests_in_flight", "Requests being answered",
            multiprocess_mode="livesum", registry=self.registry,
        )  # fmt: skip
        self._tracker = self._in_flight.track_inprogress()
        self._database_errors = Counter(
            "fangfan_database_errors", "Errors that the database or its driver raised, by kind",
            ("kind",), registry=self.registry,
        )  # fmt: skip

    def in_flight(self) -> InprogressTracker:
        """Count a request as being answered, within ``with``."""
        return self._tracker

    def record(self, exchange: Exchange, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is a template, `status` 0 where nothing was answered."""
        kind = f"{status // 100}xx"
        key = (method, route, kind)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = _Bound(
                self._requests.labels(method, route, kind),
                self._seconds.labels(route),
                self._bytes_in.labels(route),
                self._bytes_out.labels(route),
            )
        bound.requests.inc()
        bound.seconds.observe(seconds)
        bound.bytes_in.inc(exchange.bytes_in)
        bound.bytes_out.inc(exchange.bytes_out)
        if exchange.scoring_seconds is not None:
            scoring = self._scored.get(route)
            if scoring is None:
                # Routes that score nothing have no series.
                scoring = self._scored[route] = self._scoring.labels(route)
            scoring.observe(exchange.scoring_seconds)
        if exchange.problem is not None:
            self._problems.labels(route, exchange.problem).inc()

    def watch(self, engine: Engine) -> None:
        """Count the errors of a database by the name of their kind, which the driver's standard bounds."""

        def on_error(context: ExceptionContext) -> None:
            kind = context.sqlalchemy_exception or context.original_exception
            self._database_errors.labels(type(kind).__name__).inc()

        event.listen(engine, "handle_error", on_error)
