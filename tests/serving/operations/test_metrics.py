"""What Prometheus is told: counts that add up, labels that the code bounds, and nothing of anybody."""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from features.policy import policy_value
from features.signals import Delivery, complete
from features.signals.store import Signals
from serving.access import Role
from serving.api.metrics import together
from serving.app import create_app
from serving.drain import Drain
from serving.metrics.feed_ages import DEPARTMENT_FEEDS, ages_of
from serving.metrics.process_folder import add_up_ended
from serving.metrics.state import ServiceState
from serving.problems import PROBLEMS
from serving.settings import Settings
from tests.serving.conftest import Client, a_household, a_request

CANARY = "CANARY张三13812345678"
TODAY = dt.date(2026, 11, 1)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample by its name and labels; doubled ones are a fault."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found
            found[key] = one.value
    return found


def read(client: Client, monitor: dict[str, str]) -> Samples:
    answer = client.get("/metrics", headers=monitor)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, frozenset(labels.items())), 0.0)


@pytest.fixture(scope="module")
def monitor(client: Client) -> dict[str, str]:
    return client.make_key(Role.MONITOR, None)


def test_only_a_monitors_key_opens_it(client: Client) -> None:
    assert client.get("/metrics", headers={"Authorization": ""}).status_code == 401
    # From this machine, as everything behind a proxy seems to come.
    for headers in ({}, {"Host": "127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1"}):
        assert client.get("/metrics", headers={**headers, "Authorization": ""}).status_code == 401
    for role, area in ((Role.PLATFORM, "*"), (Role.COUNTY_OFFICIAL, "500999"), (Role.AUDITOR, None)):
        answer = client.get("/metrics", headers=client.make_key(role, area))
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


def test_requests_bytes_times_and_problems_are_counted(client: Client, monitor: dict[str, str]) -> None:
    before = read(client, monitor)
    body = json.dumps(a_request(a_household("COUNTED-1"))).encode()
    answers = [client.score(body), client.score(body), client.score(b"{")]
    assert [one.status_code for one in answers] == [200, 200, 400]
    after = read(client, monitor)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    route = {"route": "/v1/scores"}
    assert more("fangfan_requests_total", method="POST", status="2xx", **route) == 2
    assert more("fangfan_requests_total", method="POST", status="4xx", **route) == 1
    assert more("fangfan_problems_total", code="json_malformed", **route) == 1
    assert more("fangfan_request_body_bytes_total", **route) == 2 * len(body) + 1
    assert more("fangfan_response_body_bytes_total", **route) == sum(len(one.content) for one in answers)
    assert more("fangfan_request_seconds_count", **route) == 3
    assert more("fangfan_scoring_seconds_count", **route) == 2
    assert 0 < more("fangfan_scoring_seconds_sum", **route) < more("fangfan_request_seconds_sum", **route)
    # The request that asks is in flight itself.
    assert value(after, "fangfan_requests_in_flight") == 1


def test_the_state_is_told(client: Client, monitor: dict[str, str]) -> None:
    found = read(client, monitor)
    assert value(found, "fangfan_state", state="ready") == 1
    assert sum(number for (name, _), number in found.items() if name == "fangfan_state") == 1
    version = client.app.state.champion.scorer().model_version
    assert value(found, "fangfan_model_info", version=version) == 1
    assert value(found, "fangfan_storage_readable") == 1
    states = {dict(labels)["state"] for name, labels in found if name == "fangfan_jobs"}
    assert states == {"queued", "running", "succeeded", "failed", "cancelled"}
    for place in ("jobs", "database"):
        assert value(found, "fangfan_disk_free_bytes", place=place) > 0


def test_a_database_that_fails_is_told_and_counted(
    client: Client, monitor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = client.app.state.store.engine
    before = read(client, monitor)
    with pytest.raises(OperationalError), engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM no_such_table_CANARY")
    after = read(client, monitor)
    kind = {"kind": "OperationalError"}
    name = "fangfan_database_errors_total"
    assert value(after, name, **kind) - value(before, name, **kind) == 1

    def fail(*_: object) -> None:
        raise OperationalError("SELECT CANARY", {}, Exception("CANARY"))

    monkeypatch.setattr("serving.metrics.state.KEPT_SECONDS", -1.0)
    monkeypatch.setattr(type(engine), "connect", fail)
    found = read(client, monitor)
    assert value(found, "fangfan_storage_readable") == 0
    assert not [one for one, _ in found if one.startswith(("fangfan_jobs", "fangfan_audit"))]


def test_no_label_holds_what_somebody_sent(client: Client, monitor: dict[str, str]) -> None:
    """Hundreds of hostile requests, and the set of series is still the code's own."""
    for number in range(40):
        key = f"{CANARY}-{number}"
        client.get(f"/v1/households/{key}")
        client.page(f"/households/{key}?lang={key}")
        client.page(f"/?find={key}&area=50099910020{number % 10}")
        client.request(f"CANARY{number}", f"/v1/{key}")
        client.get(f"/no/such/{key}", headers={**client.headers, "traceparent": key.encode().hex()})
        client.post(
            "/v1/scores", json={key: key}, headers={**client.headers, "Idempotency-Key": f"k{number}"}
        )
        client.get(f"/v2/models/{key}/versions/{key}")
        client.get(f"/static/{key}")
        client.get(f"/v1/jobs/{key}/result")
    answer = client.get("/metrics", headers=monitor)
    for canary in ("CANARY", "张三", "13812345678", "5009991002"):
        assert canary not in answer.text
    routes = {
        str(one.path)
        for one in iter_route_contexts(client.app.routes)
        if isinstance(one.original_route, APIRoute)
    }
    allowed: dict[str, set[str]] = {
        "route": {*routes, "unmatched", "/static/"},
        "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"},
        "status": {"0xx", "2xx", "3xx", "4xx", "5xx"},
        "code": set(PROBLEMS),
    }
    for _, labels in samples(answer.text):
        for name, label in labels:
            if name in allowed:
                assert label in allowed[name], (name, label)
            else:
                assert name in {"le", "kind", "state", "version", "place", "feed"}, name


def test_a_service_without_its_model_says_why(tmp_path: Path) -> None:
    with Client(create_app(Settings(tmp_path / "none", f"sqlite:///{tmp_path}/s.db"))) as client:
        assert client.app.state.champion.wait(300)
        found = read(client, client.make_key(Role.MONITOR, None))
    assert value(found, "fangfan_state", state="model_failed") == 1
    assert value(found, "fangfan_state", state="ready") == 0
    assert not [one for one, _ in found if one == "fangfan_model_info"]


def test_feeds_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "none", f"sqlite:///{tmp_path}/s.db", signals_dir=tmp_path / "signals")
    with Client(create_app(settings)) as client:
        found = read(client, client.make_key(Role.MONITOR, None))
    assert (value(found, "fangfan_feeds_readable"), ("fangfan_feeds_readable", frozenset()) in found) == (
        0,
        True,
    )


def test_the_ages_of_feeds_stand_beside_what_is_normal(client: Client, tmp_path: Path) -> None:
    """From the folder that intake writes to what Prometheus reads."""
    until = dt.date(2026, 9, 30)
    Signals({}, complete(("illness",), "500999", dt.date(2020, 1, 1), until)).save(tmp_path)
    settings = Settings(tmp_path, f"sqlite:///{tmp_path}/s.db", signals_dir=tmp_path)
    state = ServiceState(
        client.app.state.store.engine, client.app.state.champion, Drain(), settings,
        now=lambda: dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
    )  # fmt: skip
    registry = CollectorRegistry()
    registry.register(state)
    found = samples(generate_latest(registry).decode())
    assert value(found, "fangfan_feeds_readable") == 1
    for end in ("newest", "oldest"):
        assert value(found, f"fangfan_feed_{end}_age_days", feed="illness") == 32
        assert value(found, f"fangfan_feed_{end}_age_days", feed="loan") == math.inf
    delays = policy_value("feed_delay_days", "CN-50", dt.date(2026, 11, 1)).value
    for feed in DEPARTMENT_FEEDS:
        assert value(found, "fangfan_feed_normal_delay_days", feed=feed) == delays[feed]


AREAS = ("50", "500999", "500999100", "500999100201", "500998")
DELIVERIES = st.builds(
    lambda feed, area, until, known: Delivery(feed, area, dt.date(2020, 1, 1), until, known),
    st.sampled_from((*DEPARTMENT_FEEDS[:3], "neighbourhood")),
    st.sampled_from(AREAS),
    st.dates(dt.date(2026, 1, 1), TODAY),
    st.dates(dt.date(2026, 6, 1), dt.date(2026, 12, 31)),
)


@given(st.lists(DELIVERIES, max_size=12))
def test_the_age_of_a_feed_is_what_each_area_has_by_itself_or_from_above(made: list[Delivery]) -> None:
    found = ages_of(made, TODAY)
    assert set(found) == set(DEPARTMENT_FEEDS)
    for feed, age in found.items():
        known = [one for one in made if one.feed == feed and one.known_on <= TODAY]
        if not known:
            # A silent feed has the worst age there is, and not none.
            assert (age.newest_days, age.oldest_days) == (math.inf, math.inf)
            continue
        ages = {
            one.area_code: min((TODAY - other.complete_until).days for other in known
                               if one.area_code.startswith(other.area_code))
            for one in known
        }  # fmt: skip
        assert (age.newest_days, age.oldest_days) == (min(ages.values()), max(ages.values()))


COUNTS = """
import sys, os
from pathlib import Path
from serving.metrics.process_folder import count_together
count_together(Path(sys.argv[1]))
from serving.exchange import Exchange
from serving.metrics.meters import Meters
meters = Meters()
for _ in range(int(sys.argv[2])):
    with meters.in_flight():
        meters.record(Exchange("0" * 32, bytes_in=10), "GET", "/v1/model", 200, 0.004)
held = meters.in_flight(); held.__enter__()
sys.stdout.write("counted\\n"); sys.stdout.flush()
sys.stdin.read()
"""


def _run(code: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _read_together(folder: Path) -> Samples:
    return samples(together(folder).decode())


def test_processes_count_together_and_what_dead_ones_counted_stays(tmp_path: Path) -> None:
    labels = {"method": "GET", "route": "/v1/model", "status": "2xx"}
    first, second = _run(COUNTS, tmp_path, "3"), _run(COUNTS, tmp_path, "4")
    try:
        for one in (first, second):
            assert one.stdout is not None
            assert one.stdout.readline() == "counted\n"
        found = _read_together(tmp_path)
        assert value(found, "fangfan_requests_total", **labels) == 7
        assert value(found, "fangfan_requests_in_flight") == 2
        first.kill()
        first.wait(10)
        found = _read_together(tmp_path)
        assert value(found, "fangfan_requests_total", **labels) == 7
        # What was open in the dead process is not in flight any more, and its files are gone.
        assert value(found, "fangfan_requests_in_flight") == 1
        assert not list(tmp_path.glob(f"*_{first.pid}.db"))
    finally:
        for one in (first, second):
            one.kill()
            one.communicate()
    add_up_ended(tmp_path)
    before = sorted(one.name for one in tmp_path.iterdir())
    assert before == ["counter_0.db", "histogram_0.db", "lock"]
    # A third generation is added to the sum of the first two.
    third = _run(COUNTS, tmp_path, "5")
    third.communicate("", timeout=60)
    found = _read_together(tmp_path)
    assert value(found, "fangfan_requests_total", **labels) == 12
    assert value(found, "fangfan_request_seconds_count", route="/v1/model") == 12
    assert value(found, "fangfan_request_seconds_bucket", route="/v1/model", le="0.005") == 12
    assert value(found, "fangfan_request_seconds_bucket", route="/v1/model", le="0.0025") == 0
    assert value(found, "fangfan_request_body_bytes_total", route="/v1/model") == 120
    assert sorted(one.name for one in tmp_path.iterdir()) == before
