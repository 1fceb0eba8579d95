"""The corpus of bad bodies over real connections: each is refused with its code and none is repeated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.access import Role
from serving.app import create_app
from serving.errors import PROBLEM_TYPE
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.settings import Settings
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.conftest import Client
from tests.serving.faults.bad_bodies import BODIES, MARKER, MOST_BYTES, ROUTES, Case, cases
from tests.serving.faults.casework_bodies import AREAS, PEOPLE, VILLAGE, put_case
from tests.serving.faults.servers import Running, running

CASES = list(cases())


@pytest.fixture(scope="module")
def services(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """The service as those see it who send to a route: with a key, with an official's, or signed in."""
    folder = tmp_path_factory.mktemp("bad")
    made = Settings(
        bundle_dir,
        f"sqlite:///{folder}/s.db",
        max_body_bytes=MOST_BYTES,
        max_jobs=100,
        max_jobs_per_caller=100,
        public_origin=ORIGIN,
    )
    save_ring(new_ring(Suite.AES_256_GCM), made.identity_keys_path)
    app = create_app(made)
    with Client(app) as client:
        assert app.state.champion.wait(300)
        put_case(app.state.store.engine)
        official = client.make_key(Role.VILLAGE_OFFICIAL, VILLAGE)
        people = {role: person(app, role, area) for role, area in AREAS.items()}
        with running(app) as one:
            whose = {
                **dict.fromkeys([*ROUTES, "jobs"], client.headers),
                "reveal": official,
                **{route: people[role] for route, role in PEOPLE.items()},
            }
            yield {route: Running(one.server, one.port, headers) for route, headers in whose.items()}


def ask(services: dict[str, Running], case: Case) -> tuple[int, dict[str, str], bytes]:
    service = services[case.name.partition(":")[0]]
    return service.ask(case.method, case.path, case.body, case.headers, is_chunked=case.is_chunked)


def test_the_corpus_is_large_and_has_every_class_for_every_route() -> None:
    assert len({(one.method, one.path, one.body, one.headers, one.is_chunked) for one in CASES}) >= 1_400
    assert len({one.name for one in CASES}) == len(CASES)
    assert len(BODIES) >= 70
    assert sum(MARKER.encode() in one.body for one in CASES) >= 300


@pytest.mark.parametrize("route", [*ROUTES, "jobs"])
def test_each_is_refused_with_its_code_and_never_repeated(
    services: dict[str, Running], route: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = []
    with caplog.at_level(logging.DEBUG):
        for case in CASES:
            if not case.name.startswith(f"{route}:"):
                continue
            status, headers, body = ask(services, case)
            code = f'"code": "{case.wanted[1]}"'
            if (
                status != case.wanted[0]
                or code not in body.decode()
                or headers["content-type"] != PROBLEM_TYPE
            ):
                wrong.append(f"{case.name}: {status} {body[:160]!r}, not {case.wanted}")
            if MARKER in body.decode() or MARKER in str(headers):
                wrong.append(f"{case.name}: repeats what was sent")
    assert wrong == [], "\n".join(wrong)
    assert MARKER not in caplog.text
    assert services["scores"].ask("GET", "/health/ready")[0] == 200
