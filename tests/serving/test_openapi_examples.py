"""Every example of the OpenAPI document is sent as it stands and taken; every example of an answer fits it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features import CONTRACTS, Coverage, Signals, take_in
from features.signals import REQUEST_FEEDS
from scoring import load_bundle
from serving.access import OPEN, Caller, Role, Scope
from serving.access.policy import POLICIES
from serving.api.documentation import example_request
from serving.api.inference import MODEL
from serving.api.job_answers import JobAnswer
from serving.api.job_documentation import EXAMPLE_JOB
from serving.api.visit_documentation import EXAMPLE_MEASURE, EXAMPLE_VISIT
from serving.app import create_app
from serving.batch import score_all
from serving.bulk.order import PARTS
from serving.cases.list_making import Lists
from serving.cases.plan_form import read_measure
from serving.cases.visit import read_visit
from serving.cases.worklist import Cut, Entry, Why
from serving.identity.keyring import new_ring, save_ring
from serving.identity.suites import Suite
from serving.kept_models import KeptModels
from serving.settings import Settings
from serving.storage.cases import CaseStore
from serving.storage.corrections import CorrectionStore
from serving.storage.plans import PlanStore
from serving.storage.visits import VisitStore
from serving.storage.worklists import WorklistStore, new_worklist
from tests.serving.access.callers import person
from tests.serving.access.people import ORIGIN
from tests.serving.conftest import VERSION, Client

FORM, JSON = "multipart/form-data", "application/json"
(_EXAMPLE,) = example_request()["households"]
HOUSEHOLD, VILLAGE = _EXAMPLE["household_id"], _EXAMPLE["signals"]["household"][-1]["village_code"]


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service that has the example's household stored and scored, as the examples say of it."""
    folder = tmp_path_factory.mktemp("examples")
    settings = Settings(
        bundle_dir,
        f"sqlite:///{folder}/s.db",
        signals_dir=folder / "signals",
        kept_models_dir=folder / "models",
        public_origin=ORIGIN,
    )
    save_ring(new_ring(Suite.AES_256_GCM), settings.identity_keys_path)
    request = example_request()
    (household,) = request["households"]
    tables = {
        feed: take_in(
            feed,
            [
                {**row, "household_id": household["household_id"]}
                for row in household["signals"].get(feed, ())
            ],
        ).accepted
        for feed in CONTRACTS
    }
    signals = Signals(tables, Coverage.from_rows(request["coverage"], REQUEST_FEEDS))
    signals.save(folder / "signals")
    with Client(create_app(settings)) as client:
        KeptModels(settings.kept_models_dir).keep(bundle_dir)
        day = dt.date.fromisoformat(request["as_of_date"])
        score_all(signals, day, load_bundle(bundle_dir), client.app.state.store)
        assert client.app.state.champion.wait(300)
        store_list(client, day)
        identity = client.get("/openapi.json").json()["paths"]["/v1/households/{household_id}/identity"][
            "put"
        ]
        example = identity["requestBody"]["content"][JSON]["example"]
        assert client.request("put", f"/v1/households/{HOUSEHOLD}/identity", json=example).status_code == 200
        yield client


def store_list(client: Client, day: dt.date) -> None:
    """A list of the county with somebody else's household on it."""
    store = client.app.state.store
    entry = Entry("H-LISTED", VILLAGE, "", 1, Why.SCORE, 0.1)
    made = Lists({(VILLAGE, ""): Cut((entry,), 1, 0, 0.1, 0, (), {})}, 0, 0)
    lists = WorklistStore(store.engine, store.audit)
    terms = {"revisit_days": 90, "is_by_grid": False, "lists": made.told()}
    lists.save(OPEN, new_worklist(VILLAGE[:6], day, day, VERSION, lists.now()), made, terms)


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                found = [one["value"] for one in content.get("examples", {}).values()]
                found += [content["example"]] if "example" in content else []
                assert found, f"{method} {path} has a body and no example"
                for one in found:
                    yield method, path, kind, one


def test_every_example_of_a_body_is_taken(service: Client) -> None:
    document = service.get("/openapi.json").json()
    official = service.make_key(Role.TOWNSHIP_OFFICIAL, VILLAGE[:9])
    # Somebody who is signed in, and has no key beside it.
    signed_in = {**person(service.app, Role.TOWNSHIP_OFFICIAL, VILLAGE[:9]), "Authorization": ""}
    case = new_case(service)
    measure, correction = casework(service, case)
    sent = []
    for method, path, kind, example in bodies(document):
        address = path.format(
            name=MODEL, version=VERSION, household_id=HOUSEHOLD, area_code=VILLAGE, case_id=case,
            measure_id=measure, correction_id=correction,
        )  # fmt: skip
        if kind == FORM:
            parts: dict[str, Any] = {
                name: (f"{name}.csv", value) if name in PARTS else (None, value)
                for name, value in example.items()
            }
            answer = service.request(method, address, files=parts)
        else:
            assert kind == JSON
            # Whoever reveals goes to the door.
            headers = official if path.endswith("/reveal") else None
            if POLICIES[f"{method.upper()} {path}"].for_people:
                headers = signed_in
            answer = service.request(method, address, json=example, headers=headers)
        assert answer.status_code in (200, 201, 202), f"{method} {path}: {answer.text[:600]}"
        for one in answer.json().get("results", []):
            assert "problem" not in one
        sent.append(f"{method} {path}")
    assert len(sent) >= 7
    assert sent.count("post /v1/scores") == 2


def new_case(service: Client) -> str:
    """The id of a case of the example's household, as leads open it."""
    store = service.app.state.store
    cases = CaseStore(store.engine, store.audit)
    with cases.writer.begin() as connection:
        return cases.open_in(
            connection, household_id=HOUSEHOLD, village_code=VILLAGE, opened_on=dt.date(2026, 10, 31), grade=1,
            theme="illness", is_hard=True, disagreement=None, causes=["01"],
        ).id  # fmt: skip


def casework(service: Client, case: str) -> tuple[str, str]:
    """A measure of the case, and a correction that somebody proposed."""
    engine, audit, day = service.app.state.store.engine, service.app.state.store.audit, dt.date(2026, 11, 2)
    cases = CaseStore(engine, audit)
    somebody = Caller("p0000000009", Role.VILLAGE_OFFICIAL, Scope(VILLAGE))
    planned = PlanStore(engine, audit).add(
        somebody, somebody.key_id, case, read_measure(EXAMPLE_MEASURE, day, "CN-50")
    )
    assert planned is not None
    document = {**EXAMPLE_VISIT, "submission_key": "visit-of-somebody-1"}
    form = read_visit(document, HOUSEHOLD, day)
    assert VisitStore(engine, audit, cases).record(somebody, somebody.key_id, HOUSEHOLD, form) is not None
    (correction,) = CorrectionStore(engine, audit).list(somebody).items
    return planned[0].id, correction.id


def test_every_example_of_a_query_is_taken(service: Client) -> None:
    document = service.get("/openapi.json").json()
    known = {"household_id": HOUSEHOLD, "as_of_date": "2026-10-31", "area_code": "500999"}
    asked = []
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        parameters = (operation or {}).get("parameters", [])
        names = [one["name"] for one in parameters if one["in"] == "path"]
        if operation is None or not set(names) <= set(known) or POLICIES[f"GET {path}"].for_people:
            continue
        query = {
            one["name"]: one["example"] for one in parameters if "example" in one and one["in"] == "query"
        }
        if not names and not query:
            continue
        answer = service.get(path.format(**known), params=query)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        asked.append(path)
    assert {
        "/v1/households/{household_id}", "/v1/households/{household_id}/scores",
        "/v1/households/{household_id}/scores/{as_of_date}/replay", "/v1/areas/{area_code}/summary",
    } <= set(asked)  # fmt: skip


def test_the_example_of_a_job_fits_its_answer() -> None:
    JobAnswer.model_validate(EXAMPLE_JOB)
