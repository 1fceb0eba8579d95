"""Every body of the OpenAPI document with anything put anywhere into it: answered, never failed at."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.access import Role
from serving.app import create_app
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.problems import PROBLEMS
from serving.settings import Settings
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.casework.county import statement
from tests.serving.conftest import Client
from tests.serving.faults.bad_bodies import ROUTES
from tests.serving.faults.casework_bodies import AREAS, KEY, PEOPLE, VILLAGE, put_case

SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", " 12000 ", "1_000", "12,000", "１２", "2026-02-30", "9999-12-31", "0001-01-01", "\x00", "\ud800",
                       "=1+1", "500999100201", "'; --", "../x", "<b>", "NaN", "true", 2**53 + 1, -0.0, 5e-324, 1.7e308])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=6), one, max_size=3)
)


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("any")
    made = Settings(
        bundle_dir,
        f"sqlite:///{folder}/s.db",
        reveals_per_hour=10**6,
        lookups_per_hour=10**6,
        public_origin=ORIGIN,
    )
    save_ring(new_ring(Suite.AES_256_GCM), made.identity_keys_path)
    app = create_app(made)
    with Client(app) as client:
        assert app.state.champion.wait(300)
        app.state.store.save_release("m", "0" * 64, 12)
        app.state.store.save([statement(KEY, dt.date(2026, 10, 31))], [VILLAGE])
        put_case(app.state.store.engine)
        yield client


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, whole, and the places in it."""
    yield at
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, one in inner:
        yield from places(one, (*at, name))


def changed(document: Any, at: tuple[Any, ...], way: str, value: Any) -> Any:
    """The document with one place changed."""
    if not at:
        return value
    made = copy.deepcopy(document)
    holder = made
    for name in at[:-1]:
        holder = holder[name]
    if way == "put":
        holder[at[-1]] = value
    elif way == "left out":
        del holder[at[-1]]
    elif isinstance(holder, dict):
        holder[str(value)[:20]] = holder[at[-1]]
    else:
        holder.extend([copy.deepcopy(holder[at[-1]])] * 3)
    return made


@pytest.mark.parametrize("route", ROUTES)
def test_anything_anywhere_is_answered(service: Client, route: str) -> None:
    method, path, example = ROUTES[route]
    everywhere = list(places(example))
    headers = service.headers
    if route == "reveal":
        headers = service.make_key(Role.VILLAGE_OFFICIAL, VILLAGE)
    if route in PEOPLE:
        headers = {**person(service.app, PEOPLE[route], AREAS[PEOPLE[route]]), "Authorization": ""}

    @settings(max_examples=40, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(
        changes=st.lists(
            st.tuples(st.sampled_from(everywhere), st.sampled_from(["put", "left out", "doubled"]), ANYTHING),
            min_size=1, max_size=2,
        )
    )  # fmt: skip
    def ask(changes: list[tuple[tuple[Any, ...], str, Any]]) -> None:
        document = example
        for at, way, value in changes:
            try:
                document = changed(document, at, way, value)
            except (KeyError, IndexError, TypeError, AttributeError):
                # The change before it took the place away.
                continue
        body = json.dumps(document).encode()
        answer = service.request(
            method, path, content=body, headers={**headers, "Content-Type": "application/json"}
        )
        assert answer.status_code < 500, (answer.text, body[:2_000])
        if answer.status_code >= 400:
            assert PROBLEMS[answer.json()["code"]].status == answer.status_code

    ask()
