"""`GET /metrics`: what Prometheus reads, in its text format."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from serving.api.documentation import problems
from serving.metrics.meters import Meters
from serving.metrics.process_folder import VARIABLE, add_up_ended, locked
from serving.metrics.state import ServiceState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXAMPLE = """# HELP fangfan_requests_total Requests answered, by class of status
# TYPE fangfan_requests_total counter
fangfan_requests_total{method="POST",route="/v1/scores",status="2xx"} 1042.0
"""


def router(meters: Meters, state: ServiceState) -> APIRouter:
    """The route, bound to what it reads."""
    made = APIRouter(tags=["operations"])
    live = CollectorRegistry()
    live.register(state)
    ProcessCollector(registry=live)

    @made.get(
        "/metrics",
        summary="Counts, times and states for Prometheus",
        description="Prometheus' text format. No label holds a household, a caller or an area. Where "
        "FANGFAN_METRICS_DIR is set, the counts are of all processes that share it.",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
            **problems(500),
        },
    )
    def metrics() -> Response:
        folder = os.environ.get(VARIABLE)
        counted = together(Path(folder)) if folder else generate_latest(meters.registry)
        return Response(counted + generate_latest(live), media_type=CONTENT_TYPE)

    return made


def together(folder: Path) -> bytes:
    """What all processes counted that share a folder, in Prometheus' text format."""
    add_up_ended(folder)
    registry = CollectorRegistry()
    # The library says no types of it.
    collector: Any = MultiProcessCollector
    collector(registry, str(folder))
    with locked(folder, fcntl.LOCK_SH):
        return generate_latest(registry)
