"""The model in service: swapped under load, kept where the next one fails, off and on."""

from __future__ import annotations

import copy
import datetime as dt
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from scoring.bundle import read_files
from scoring.errors import BundleError
from scoring.triggers import TRIGGERS
from serving.access import Role
from serving.access.local import Access
from serving.api.documentation import example_request
from serving.api.models_answers import ModelsAnswer
from serving.api.rules_answers import RulesAnswer, RulesAssessment
from serving.app import create_app
from serving.champion import Champion
from serving.jobs import JobQueue, JobState
from serving.jobs.lease import Lease
from serving.jobs.worker import Worker
from serving.models.desk import ModelDesk
from serving.models.service_models import LoadedModel, ServiceModels
from serving.scorer import Scorer
from serving.settings import Settings
from serving.storage.releases import Pick
from tests.serving.conftest import NAMES, Client, a_household, a_request
from tests.serving.models.desks import FIRST, SECOND, WHO, make_desk, settings_in, take_in
from tests.serving.models.poisons import rehash


def until(asked: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def running(app: FastAPI) -> Iterator[int]:
    """The application in a real server on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def service(desk: ModelDesk, tmp_path: Path) -> tuple[ModelDesk, FastAPI]:
    """A service whose first version is in service, not started yet."""
    desk.use(FIRST, "first")
    return desk, create_app(settings_in(tmp_path, access=Access.OPEN))


def scores(answer: dict[str, Any]) -> tuple[str, tuple[float, ...]]:
    """The one version that everything in an answer names, and its scores."""
    versions = {answer["model"]["version"], *(one["model_version"] for one in answer["results"])}
    assert len(versions) == 1, versions
    return versions.pop(), tuple(one["score"] for one in answer["results"])


def test_a_swap_under_load_loses_no_request_and_mixes_no_answer(
    service: tuple[ModelDesk, FastAPI], bundle_dir: Path, second_dir: Path
) -> None:
    desk, app = service
    body = a_request(*(a_household(f"H{n}", self_paid=3_000.0 * n) for n in range(6)))
    champion: Champion = app.state.champion
    answers: list[tuple[str, tuple[float, ...]]] = []
    failures: list[str] = []
    stops = threading.Event()
    with running(app) as port:
        base = f"http://127.0.0.1:{port}"
        until(lambda: champion.version == FIRST)

        def ask() -> None:
            with httpx.Client(base_url=base, timeout=60) as client:
                while not stops.is_set():
                    answer = client.post("/v1/scores", json=body)
                    if answer.status_code == 200:
                        answers.append(scores(answer.json()))
                    else:
                        failures.append(answer.text)

        def swapped(version: str) -> None:
            until(lambda: champion.version == version)
            seen = len(answers)
            until(lambda: len(answers) >= seen + 8)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for one in threads:
            one.start()
        until(lambda: len(answers) >= 8)
        desk.use(SECOND, "second")
        swapped(SECOND)
        desk.rollback("too many alarms")
        swapped(FIRST)
        stops.set()
        for one in threads:
            one.join()
    assert failures == []
    expected = {}
    for folder in (bundle_dir, second_dir):
        with Client(create_app(settings_fixed(folder, desk))) as client:
            assert client.app.state.champion.wait(300)
            expected[folder] = scores(client.post("/v1/scores", json=body).json())
    assert {name for name, _ in expected.values()} == {FIRST, SECOND}
    # To the last bit one version's or the other's, and first one, then the other, then the first again.
    assert set(answers) == set(expected.values())
    order = [name for at, (name, _) in enumerate(answers) if at == 0 or answers[at - 1][0] != name]
    assert order[0] == order[-1] == FIRST


def settings_fixed(folder: Path, desk: ModelDesk) -> Settings:
    beside = desk.store.folder.parent / f"fixed-{folder.parent.name}.db"
    return Settings(folder, f"sqlite:///{beside}")


def test_a_request_on_its_way_is_answered_by_the_version_that_took_it(
    service: tuple[ModelDesk, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, app = service
    champion: Champion = app.state.champion
    taken, scorer_of = threading.Event(), champion.scorer

    def scorer() -> Scorer:
        found = scorer_of()
        taken.set()
        return found

    content = json.dumps(example_request()).encode()
    with running(app) as port:
        until(lambda: champion.version == FIRST)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            head = (
                f"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            )
            monkeypatch.setattr(champion, "scorer", scorer)
            connection.sendall(head.encode() + content[:100])
            assert taken.wait(60)
            desk.use(SECOND, "second")
            until(lambda: champion.version == SECOND)
            connection.sendall(content[100:])
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        version, _ = scores(json.loads(answer.partition(b"\r\n\r\n")[2]))
        after = httpx.post(f"http://127.0.0.1:{port}/v1/scores", json=example_request(), timeout=60)
    assert version == FIRST
    assert scores(after.json())[0] == SECOND


def test_every_process_follows_the_log_and_a_failure_keeps_the_old_one(
    desk: ModelDesk, tmp_path: Path
) -> None:
    desk.use(FIRST, "first")
    settings = settings_in(tmp_path)
    with Client(create_app(settings)) as one, Client(create_app(settings)) as other:
        both = (one, other)
        until(lambda: all(client.app.state.champion.version == FIRST for client in both))
        # Harmed between check and load, as a disk may do it.
        pick = Pick(SECOND, read_files(desk.store.path(SECOND)).sha256)
        model = desk.store.path(SECOND) / "model.txt"
        model.chmod(0o644)
        model.write_bytes(model.read_bytes()[:-1] + b"x")
        desk.models.log.use(pick, desk.audit, WHO, "tester", "second", after=1)
        until(lambda: all(client.app.state.champion.concerns() == ["model_load_failed"] for client in both))
        for client in both:
            assert client.get("/health/ready").json() == {
                "status": "degraded", "model_version": FIRST, "reasons": ["model_load_failed"],
            }  # fmt: skip
            told = client.get("/v1/models").json()
            assert (told["serving_version"], told["current"]["version"]) == (FIRST, SECOND)
            assert scores(client.post("/v1/scores", json=example_request()).json())[0] == FIRST
        desk.rollback("it cannot be loaded")
        until(lambda: not any(client.app.state.champion.concerns() for client in both))
        for client in both:
            assert client.get("/health/ready").json() == {"status": "ready", "model_version": FIRST}


def test_at_the_start_the_one_before_is_better_than_none(desk: ModelDesk, tmp_path: Path) -> None:
    desk.use(FIRST, "first")
    desk.use(SECOND, "second")
    line = desk.store.path(SECOND) / "line.json"
    line.chmod(0o644)
    sound = line.read_bytes()
    line.write_bytes(b"{}")
    clock = [0.0]
    champion = Champion(desk.models, now=lambda: clock[0])
    champion.look()
    assert (champion.version, champion.concerns()) == (FIRST, ["model_load_failed"])
    # Mended, and tried again after a while.
    line.write_bytes(sound)
    champion.look()
    assert champion.version == FIRST
    clock[0] = 60.0
    champion.look()
    assert (champion.version, champion.concerns()) == (SECOND, [])


def test_a_database_that_does_not_answer_changes_nothing(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.use(FIRST, "first")
    champion = Champion(desk.models)
    champion.look()

    def fail(_: ServiceModels) -> None:
        raise OperationalError("", {}, OSError())

    monkeypatch.setattr(ServiceModels, "state", fail)
    champion.look()
    assert champion.scorer().model_version == FIRST


def test_a_store_without_a_model_says_so(tmp_path: Path) -> None:
    with Client(create_app(settings_in(tmp_path))) as client:
        assert client.app.state.champion.wait(300)
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "model_absent")
        told = ModelsAnswer.model_validate(client.get("/v1/models").json(), strict=True)
        assert (told.current, told.releases, told.next_before) == (None, [], None)


def test_off_is_rules_alone_everywhere_and_on_is_as_before(desk: ModelDesk, tmp_path: Path) -> None:
    desk.use(FIRST, "first")
    body = a_request(
        a_household("BILL", self_paid=30_000), a_household("WELL"), a_household("QUIET"), silent=("disaster",)
    )
    with Client(create_app(settings_in(tmp_path))) as client:
        champion = client.app.state.champion
        until(lambda: champion.version == FIRST)
        before = client.post("/v1/scores", json=body).json()
        desk.switch("odd lists", is_on=False)
        until(lambda: champion.is_off)
        answer = client.post("/v1/scores", json=body)
        told = RulesAnswer.model_validate(answer.json(), strict=True)
        # The departments' rules say what they said beside the model.
        assert [one["rule_hits"] for one in answer.json()["results"]] == [
            one["rule_hits"] for one in before["results"]
        ]
        results = [one for one in told.results if isinstance(one, RulesAssessment)]
        assert [bool(one.rule_hits) for one in results] == [True, False, False]
        assert [one.suggested_action for one in results] == ["visit", "watch", "watch"]
        assert all("disaster" in one.missing_feeds for one in results)
        assert "模型已停用" in told.model_text.zh
        assert client.post("/v1/scores?reasons=0", json=body).json() == answer.json()
        wrong = copy.deepcopy(body)
        wrong["households"][0]["surprise"] = 1
        assert client.post("/v1/scores", json=wrong).status_code == 422
        vector = {"dataframe_split": {"columns": list(NAMES), "data": [[None] * len(NAMES)]}}
        plan = {**body, "households": body["households"][:1], "measures": []}
        for refused in (
            client.post("/invocations", json=vector), client.get("/ping"), client.get("/v2/health/ready"),
            client.post("/v2/models/fangfan/infer", json={"inputs": []}), client.get("/v1/model"),
            client.post("/v1/what-if", json=plan),
        ):  # fmt: skip
            assert (refused.status_code, refused.json()["code"]) == (503, "model_off")
        assert client.get("/health/ready").json() == {
            "status": "degraded", "model_version": None, "reasons": ["model_off"],
        }  # fmt: skip
        models = ModelsAnswer.model_validate(client.get("/v1/models").json(), strict=True)
        assert (models.state, models.serving_version, models.releases[0].why) == ("off", None, "odd lists")
        assert client.get("/v1/measures").status_code == 200
        assert "模型已停用" in client.page("/").text
        assert "turned off" in client.page("/?lang=en").text
        desk.switch("mended", is_on=True)
        until(lambda: not champion.is_off)
        assert client.post("/v1/scores", json=body).json() == before
        assert "模型已停用" not in client.page("/").text


def test_rules_need_no_model_at_all(desk: ModelDesk, tmp_path: Path) -> None:
    desk.use(FIRST, "first")
    desk.switch("why", is_on=False)
    for name in ("model.txt", "line.json"):
        path = desk.store.path(FIRST) / name
        path.chmod(0o644)
        path.write_bytes(b"")
    with Client(create_app(settings_in(tmp_path))) as client:
        assert client.app.state.champion.wait(300)
        told = client.post("/v1/scores", json=a_request(a_household("BILL", self_paid=30_000))).json()
    assert [one["code"] for one in told["results"][0]["rule_hits"]] == ["medical_self_paid"]
    assert {one["code"] for one in told["results"][0]["rule_hits"]} <= {one.code for one in TRIGGERS}


def test_a_model_of_a_region_without_a_policy_can_be_turned_off(
    desk: ModelDesk, tmp_path: Path, second_dir: Path
) -> None:
    desk.use(FIRST, "first")
    odd = tmp_path / "odd"
    shutil.copytree(second_dir, odd)
    rehash(odd, version="odd", region="XX-9")
    # As one that was admitted before regions were looked at.
    desk.models.log.use(take_in(desk, odd), desk.audit, WHO, "tester", "why", after=1)
    with Client(create_app(settings_in(tmp_path))) as client:
        champion: Champion = client.app.state.champion
        assert champion.wait(300)
        until(lambda: champion.version == FIRST)
        assert champion.concerns() == ["model_load_failed"]
        desk.switch("odd lists", is_on=False)
        until(lambda: champion.is_off)
        assert client.post("/v1/scores", json=example_request()).json()["model"] == "off"


def test_a_service_of_one_bundle_can_be_turned_off_too(tmp_path: Path, bundle_dir: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", jobs_dir=tmp_path / "jobs")
    desk = make_desk(settings_in(tmp_path))
    desk.switch("why", is_on=False)
    with Client(create_app(settings)) as client:
        assert client.app.state.champion.wait(300)
        assert client.post("/v1/scores", json=example_request()).json()["model"] == "off"
        told = client.get("/v1/models").json()
        assert (told["state"], told["current"], told["previous"]) == ("off", None, None)


def test_jobs_follow_the_release_log_and_wait_while_the_model_is_off(desk: ModelDesk) -> None:
    loaded = LoadedModel(desk.models)
    queue = JobQueue(desk.models.log.engine, most_open=10)
    with queue.writer.begin() as connection:
        job = queue.enqueue(connection, "score", {}, dt.timedelta(hours=1))
    taken: list[str] = []

    def run(lease: Lease) -> None:
        taken.append(loaded.bundle().manifest.version)
        with lease.end({}):
            pass

    worker = Worker(queue, {"score": run}, may_work=loaded.is_on)
    worker.run(once=True)
    desk.use(FIRST, "first")
    desk.switch("why", is_on=False)
    worker.run(once=True)
    found = queue.find(job.id)
    assert found is not None
    assert (taken, found.state) == ([], JobState.QUEUED)
    desk.switch("why", is_on=True)
    worker.run(once=True)
    assert taken == [FIRST]
    first = loaded.bundle()
    assert loaded.bundle() is first
    desk.use(SECOND, "second")
    second = loaded.bundle()
    assert second.manifest.version == SECOND
    # One that cannot be loaded leaves the one before; a worker that has none says so.
    model = desk.store.path(FIRST) / "model.txt"
    model.chmod(0o644)
    model.write_bytes(b"")
    desk.models.log.rollback(desk.audit, WHO, "tester", "why", after=4)
    assert loaded.bundle() is second
    with pytest.raises(BundleError, match="cannot be loaded"):
        LoadedModel(desk.models).bundle()


def test_releases_are_paged_and_everybody_known_may_read_them(desk: ModelDesk, tmp_path: Path) -> None:
    desk.use(FIRST, "first")
    for number in range(6):
        desk.switch(f"{number}", is_on=bool(number % 2))
    with Client(create_app(settings_in(tmp_path))) as client:
        auditor = client.make_key(Role.AUDITOR, None)
        seen: list[int] = []
        before = ""
        while True:
            page = client.get(f"/v1/models?limit=3{before}", headers=auditor).json()
            seen += [one["number"] for one in page["releases"]]
            if page["next_before"] is None:
                break
            before = f"&before={page['next_before']}"
        assert seen == list(range(7, 0, -1))
        for query in ("limit=0", "limit=101", "limit=x", "limit=1&limit=2", "before=-1", "before=１"):
            answer = client.get(f"/v1/models?{query}")
            assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
        assert client.get("/v1/models", headers={"Authorization": ""}).status_code == 401
