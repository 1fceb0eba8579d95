"""The registry: asked in a child, within a time; whatever it does, what lies on the disk goes on answering."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scoring.registry import MODEL_NAME, connect, set_champion
from serving.api.documentation import example_request
from serving.app import create_app
from serving.models.desk import ModelDesk
from serving.models.registry import BUNDLE_REFUSED, FAILED, SILENT, Fetched, RegistryRefused, fetch
from tests.ports import held_port
from tests.scoring.registries import make_registry
from tests.serving.conftest import Client
from tests.serving.models.desks import FIRST, SECOND, make_desk, settings_in
from tests.serving.models.poisons import CODE, MARK

Behave = Callable[[socket.socket, threading.Event], None]


@contextmanager
def listening(behave: Behave) -> Iterator[tuple[str, threading.Event]]:
    """A server of one behaviour on a real socket: its address, and whether anybody came."""
    came, stops = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def serve() -> None:
            while not stops.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                came.set()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.recv(65_536)
                    behave(connection, stops)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        finally:
            stops.set()
            thread.join(5)


def silent(connection: socket.socket, stops: threading.Event) -> None:
    stops.wait(300)


def slow(connection: socket.socket, stops: threading.Event) -> None:
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
    )
    # A byte at a time: no time-out between two of them is ever reached.
    while not stops.wait(0.2):
        connection.sendall(b" ")


def wrong(connection: socket.socket, stops: threading.Event) -> None:
    page = b"<html>Welcome to the county's printer</html>"
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(page) + page
    )


def ask(uri: str, target: Path, seconds: float) -> tuple[str, float]:
    target.mkdir(exist_ok=True)
    started = time.monotonic()
    with pytest.raises(RegistryRefused) as refused:
        fetch(uri, "champion", target, frozenset(), seconds)
    assert uri not in str(refused.value)
    return refused.value.code, time.monotonic() - started


def test_a_registry_that_refuses_is_wrong_silent_or_slow_gives_nothing_in_time(tmp_path: Path) -> None:
    with held_port() as port:
        code, seconds = ask(f"http://127.0.0.1:{port}", tmp_path / "refused", 120)
    assert code == FAILED
    # Long enough for its child to come to the registry on this machine, however busy it is: three start at
    # once, and the processors may have other work by then.
    most = 4 * seconds + 4
    found: dict[str, tuple[str, float]] = {}
    with listening(silent) as (mute, came_mute), listening(slow) as (dripping, came_dripping), listening(wrong) as (
        printer, came_printer,
    ):  # fmt: skip
        asks = {"silent": (mute, most), "slow": (dripping, most), "wrong": (printer, 120.0)}
        threads = [
            threading.Thread(
                target=lambda name=name, uri=uri, limit=limit: found.update({
                    name: ask(uri, tmp_path / name, limit)
                })
            )
            for name, (uri, limit) in asks.items()
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert came_mute.is_set()
        assert came_dripping.is_set()
        assert came_printer.is_set()
    assert {name: code for name, (code, _) in found.items()} == {
        "silent": SILENT, "slow": SILENT, "wrong": FAILED
    }  # fmt: skip
    assert all(one == [] for one in (list(path.iterdir()) for path in tmp_path.iterdir()))


def test_a_child_whose_asker_was_killed_ends_by_itself(tmp_path: Path) -> None:
    asked = {"alias": "champion", "target": str(tmp_path), "known": [], "most_bytes": 1, "seconds": 0.1}
    with listening(silent) as (uri, _):
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "serving.models.registry_child"],
            input=json.dumps(asked).encode(), stdout=subprocess.DEVNULL, check=False, timeout=60,
            env={**os.environ, "FANGFAN_REGISTRY_URI": uri},
        )  # fmt: skip
    assert ended.returncode == -signal.SIGALRM


@pytest.fixture(scope="module")
def registry(
    bundle_dir: Path, second_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A registry of three versions, the third with code among its files, and where that would leave a mark."""
    folder = tmp_path_factory.mktemp("registry")
    uri = make_registry(folder, bundle_dir, second_dir, second_dir)
    run = connect(uri).get_model_version(MODEL_NAME, "3").run_id
    bundle = folder / "artifacts" / run / "artifacts" / "bundle"
    for name in ("code", "lightgbm"):
        (bundle / name).mkdir()
        (bundle / name / "__init__.py").write_text(CODE, encoding="utf-8")
    (bundle / "MLmodel").write_text("flavors: {python_function: {loader_module: code}}", encoding="utf-8")
    return uri, folder / "mark"


def test_a_champion_is_fetched_admitted_and_used_once(registry: tuple[str, Path], tmp_path: Path) -> None:
    uri, _ = registry
    desk = make_desk(settings_in(tmp_path))
    set_champion("1", uri)
    pick, release = desk.fetch(uri, "champion", 120, "at start")
    assert (pick.version, desk.store.versions()) == (FIRST, [FIRST])
    assert release is not None
    assert (release.released_by, release.why) == ("tester", "at start")
    set_champion("2", uri)
    assert desk.fetch(uri, "champion", 120, "at start")[0].version == SECOND
    desk.rollback("complaints")
    # The registry still says the second; whoever went back here had a reason.
    assert desk.fetch(uri, "champion", 120, "at start")[1] is None
    current = desk.models.state().current
    assert current is not None
    assert current.version == FIRST
    desk.models.log.engine.dispose()


def test_what_lies_in_the_store_already_is_checked_before_it_is_used(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sha256,) = (found for version, found in desk._known() if version == FIRST)
    monkeypatch.setattr("serving.models.desk.fetch", lambda *_: Fetched("1", sha256, None))
    # Taken in before signatures were asked for: it would never be loaded.
    strict = replace(desk, models=replace(desk.models, keys=(Ed25519PrivateKey.generate().public_key(),)))
    with pytest.raises(RegistryRefused, match="signature_refused") as refused:
        strict.fetch("unused", "champion", 1, "at start")
    assert refused.value.code == BUNDLE_REFUSED
    assert desk.models.state().current is None
    assert desk.fetch("unused", "champion", 1, "at start")[1] is not None


def test_a_registry_that_was_tampered_with_runs_nothing(
    registry: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, mark = registry
    monkeypatch.setenv(MARK, str(mark))
    set_champion("3", uri)
    desk = make_desk(settings_in(tmp_path))
    with pytest.raises(RegistryRefused) as refused:
        desk.fetch(uri, "champion", 120, "at start")
    assert refused.value.code == BUNDLE_REFUSED
    assert desk.store.versions() == []
    assert not mark.exists()
    desk.models.log.engine.dispose()


def test_a_service_with_a_registry_that_is_gone_answers_from_the_disk(
    desk: ModelDesk, tmp_path: Path
) -> None:
    desk.use(FIRST, "first")
    # Long enough for a busy machine to come to the registry.
    settings = settings_in(tmp_path, registry_seconds=200)
    with (
        held_port() as port,
        Client(create_app(replace(settings, registry_uri=f"http://user:secret@127.0.0.1:{port}"))) as client,
    ):
        assert client.app.state.champion.wait(300)
        # From the disk, whatever the registry will do.
        assert client.get("/health/ready").json()["model_version"] == FIRST
        end = time.monotonic() + 240
        while client.get("/health/ready").json()["status"] != "degraded":
            assert time.monotonic() < end
            assert client.post("/v1/scores", json=example_request()).status_code == 200
            time.sleep(0.1)
        answer = client.get("/health/ready")
        assert answer.json() == {"status": "degraded", "model_version": FIRST, "reasons": [FAILED]}
        assert "secret" not in answer.text
        assert client.post("/v1/scores", json=example_request()).json()["model"]["version"] == FIRST
