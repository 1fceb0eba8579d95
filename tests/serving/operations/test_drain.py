"""The end of a process: it is said, what is open is answered, nothing new is taken, and it does not last."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx

from serving.settings import Settings
from serving.storage import open_database
from serving.storage.tables import job
from tests.ports import held_port
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.jobs.orders import csv_files, tables_of

PATIENCE = 300.0
"""How long a start may take on a machine that has no processor time left; on an idle one it takes seconds."""

get = partial(httpx.get, verify=False)
"""Reading the certificates that no plain address needs takes a hundred times as long as asking."""

SERVER = """
import sys, threading, time
import uvicorn
from serving import drain
from serving.logs import configure_logging

port, notice, seconds, spare = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
drain.SPARE_SECONDS = spare
state = drain.Drain()

async def app(scope, receive, send):
    if scope["path"] == "/stuck":
        print("stuck", flush=True)
        while True:
            time.sleep(0.1)
    if scope["path"] == "/state":
        body = b"draining" if state.is_begun else b"serving"
    else:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})

configure_logging()
config = uvicorn.Config(app, port=port, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=seconds)
drain.DrainingServer(config, state, notice, lambda: None).run()
"""


def until(asked: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not asked():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def connects(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


@contextmanager
def a_server(notice: float, seconds: int, spare: float = 30) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with held_port() as port:
        command = [sys.executable, "-c", SERVER, str(port), str(notice), str(seconds), str(spare)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                until(lambda: connects(port))
                yield process, port
            finally:
                process.kill()


@contextmanager
def half_a_request(port: int, path: bytes = b"/echo") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as made:
        made.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nfour")
        # Once another request is answered, the first one was begun.
        assert get(f"http://127.0.0.1:{port}/state", timeout=60).text == "serving"
        yield made


def answer_of(connection: socket.socket) -> bytes:
    content = b""
    with suppress(OSError):
        while piece := connection.recv(4096):
            content += piece
    return content


def test_what_is_open_is_answered_and_nothing_new_is_taken() -> None:
    with a_server(notice=0, seconds=60) as (process, port), half_a_request(port) as open_one:
        process.send_signal(signal.SIGTERM)
        until(lambda: not connects(port))
        assert process.poll() is None
        open_one.sendall(b"more")
        assert answer_of(open_one).endswith(b"\r\n\r\nfourmore")
        assert process.wait(60) == 0


def test_it_still_answers_while_it_says_that_it_ends() -> None:
    with a_server(notice=8, seconds=5) as (process, port):
        address = f"http://127.0.0.1:{port}/state"
        assert get(address, timeout=60).text == "serving"
        process.send_signal(signal.SIGTERM)
        until(lambda: get(address, timeout=60).text == "draining", 7)
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_request_that_does_not_end_is_cut_at_the_deadline() -> None:
    with a_server(notice=0, seconds=1) as (process, port), half_a_request(port) as never:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert b"fourmore" not in answer_of(never)


def test_a_process_that_is_stuck_ends_all_the_same() -> None:
    with a_server(notice=0, seconds=1, spare=1) as (process, port), half_a_request(port) as stuck:
        # The rest of the body, and a second request behind it that never lets go of the loop.
        stuck.sendall(b"moreGET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        # Head and body may arrive apart.
        answer = stuck.recv(4096)
        while b"fourmore" not in answer and (more := stuck.recv(4096)):
            answer += more
        assert b"fourmore" in answer
        assert process.stdout is not None
        assert process.stdout.readline() == b"stuck\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert process.stderr is not None
        events = [json.loads(one).get("event") for one in process.stderr.read().decode().splitlines()]
        assert events[-1] == "drain overdue"


def test_the_second_signal_ends_it_at_once() -> None:
    with a_server(notice=600, seconds=600) as (process, port), half_a_request(port):
        process.send_signal(signal.SIGTERM)
        until(lambda: get(f"http://127.0.0.1:{port}/state", timeout=60).text == "draining")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM


def test_readiness_says_so_and_answers_close_their_connections(client: Client) -> None:
    drain = client.app.state.drain
    assert "connection" not in client.get("/health/ready").headers
    drain.begin()
    try:
        for path in ("/health/ready", "/v2/health/ready", "/ping"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
            assert answer.headers["retry-after"] == "5"
        # Alive, and still answering: whoever distributes requests needs a moment.
        for answer in (
            client.get("/health/live"),
            client.post("/v1/scores", json=a_request(a_household("D-1"))),
        ):
            assert answer.status_code == 200
            assert answer.headers["connection"] == "close"
    finally:
        drain._begun.clear()


class Distributor:
    """A tiny proxy of this machine: a connection goes to the next process that answers and is not ending."""

    def __init__(self, ports: list[int]) -> None:
        self.ready: set[int] = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self.listener.getsockname()[1])
        self._ends = threading.Event()
        self._turn = 0
        threading.Thread(target=self._accept, daemon=True).start()
        # One that is slow to answer, as while it starts, keeps nobody from hearing that the other ends.
        for port in ports:
            threading.Thread(target=self._look, args=(port,), daemon=True).start()

    def close(self) -> None:
        self._ends.set()
        self.listener.close()

    def _look(self, port: int) -> None:
        while not self._ends.is_set():
            (self.ready.add if takes_requests(port) else self.ready.discard)(port)
            time.sleep(0.2)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self.listener.accept()
                threading.Thread(target=self._pass_on, args=(taken,), daemon=True).start()

    def _pass_on(self, taken: socket.socket) -> None:
        self._turn += 1
        ports = sorted(self.ready)
        address = ("127.0.0.1", ports[self._turn % len(ports)])
        with taken, suppress(OSError), socket.create_connection(address) as sent:
            back = threading.Thread(target=_copy, args=(sent, taken), daemon=True)
            back.start()
            _copy(taken, sent)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def a_service(
    bundle_dir: Path, folder: Path, port: int, workers: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable, "-m", "serving", "run", "--access", "open", "--bundle", str(bundle_dir), "--database",
        f"sqlite:///{folder}/s.db", "--port", str(port), "--workers", str(workers),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "FANGFAN_DRAIN_NOTICE_SECONDS": "3",
        "FANGFAN_METRICS_DIR": str(folder / "metrics"),
    }
    log = (folder / f"log-{port}").open("ab")
    with log, subprocess.Popen(command, stderr=log, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def takes_requests(port: int) -> bool:
    with suppress(httpx.HTTPError):
        answer = get(f"http://127.0.0.1:{port}/health/ready", timeout=30)
        return answer.status_code == 200 or answer.json()["code"] != "draining"
    return False


def test_restarted_one_after_the_other_no_request_fails(tmp_path: Path) -> None:
    """Whole processes of the service; without a model, whose loading is another matter and takes longer."""
    answers: list[int | str] = []
    ends = threading.Event()

    def ask(port: int) -> None:
        while not ends.is_set():
            try:
                answer = get(f"http://127.0.0.1:{port}/", timeout=60, headers={"Connection": "close"})
                answers.append(answer.status_code)
            except httpx.HTTPError as error:
                answers.append(type(error).__name__)
            # The service that starts needs the processor more than the next question does.
            time.sleep(0.02)

    # The first makes the database; both at once would wait for each other.
    with held_port() as one, held_port() as other, a_service(tmp_path / "none", tmp_path, one) as first:
        ports = [one, other]
        until(lambda: takes_requests(ports[0]), PATIENCE)
        with a_service(tmp_path / "none", tmp_path, ports[1]) as second:
            until(lambda: takes_requests(ports[1]), PATIENCE)
            proxy = Distributor(ports)
            until(lambda: proxy.ready == set(ports))
            askers = [threading.Thread(target=ask, args=(proxy.port,)) for _ in range(3)]
            for asker in askers:
                asker.start()
            try:
                until(lambda: len(answers) >= 10)
                first.send_signal(signal.SIGTERM)
                assert first.wait(PATIENCE) == 0
                with a_service(tmp_path / "none", tmp_path, ports[0]):
                    until(lambda: ports[0] in proxy.ready, PATIENCE)
                    second.send_signal(signal.SIGTERM)
                    assert second.wait(PATIENCE) == 0
                    before = len(answers)
                    until(lambda: len(answers) >= before + 10)
                    ends.set()
                    for asker in askers:
                        asker.join(60)
            finally:
                ends.set()
                proxy.close()
    assert len(answers) >= 20
    assert [one for one in answers if one != 200] == []


def test_a_job_that_is_not_done_goes_back_to_the_queue(bundle_dir: Path, tmp_path: Path) -> None:
    files = {name[:-4]: (name, content) for name, content in csv_files(tables_of(60)).items()}
    with held_port() as port, a_service(bundle_dir, tmp_path, port, workers=1) as service:
        until(lambda: takes_requests(port), PATIENCE)
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/jobs", data={"as_of_date": "2026-10-31"}, files=files, timeout=60
        )
        assert answer.status_code == 202
        engine = open_database(Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db").database_url)
        try:

            def state() -> tuple[str, str | None]:
                with engine.connect() as connection:
                    found = connection.execute(job.select()).one()
                return found.state, found.leased_by

            until(lambda: state()[0] == "running", PATIENCE)
            service.send_signal(signal.SIGTERM)
            assert service.wait(PATIENCE) == 0
            # It was let go of, or finished before the signal came.
            assert state() in {("queued", None), ("succeeded", None)}
        finally:
            engine.dispose()
