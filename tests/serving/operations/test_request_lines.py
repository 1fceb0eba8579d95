"""Lines of answered requests: as any other, of no record, and together where they come together."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from serving import logs
from serving.exchange import exchange_of
from serving.logs import LogStream, configure_logging, log_request
from tests.serving.operations.conftest import KeptLines

ROOT = Path(__file__).resolve().parents[3]
SOUND = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REQUESTS = [
    ("POST", "/v1/scores", 200, 1.5, None),
    ("POST", "/v1/scores", 422, 0.004, "request_invalid"),
    ("OTHER", "unmatched", 404, 12_345.678, "not_found"),
    # What a line may not hold, wherever it came from.
    ("GET", "/v1/households/张三丰", 200, 1.0, None),
    ("GET", '/"}{"event":"forged', 200, 1.0, "CANARY 13812345678"),
]


def in_a_loop(write: Callable[[], object]) -> None:
    """Call it where requests are answered."""

    async def run() -> None:
        write()
        await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize("request_fields", REQUESTS, ids=str)
@pytest.mark.parametrize("headers", [None, [SOUND]], ids=str)
def test_the_line_of_a_request_is_that_of_its_record(
    request_fields: tuple[str, str, int, float, str | None],
    headers: list[str] | None,
    quiet_root: logging.Logger,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Written without a record, where nothing else takes them, and as any other line."""
    logger, lines = logging.getLogger("fangfan.serving"), list[str]()
    configure_logging()
    with nullcontext() if headers is None else exchange_of(headers):
        in_a_loop(lambda: log_request(logger, *request_fields))
        handler = KeptLines(lines)
        logger.addHandler(handler)
        try:
            log_request(logger, *request_fields)
        finally:
            logger.removeHandler(handler)
    without, beside = capsys.readouterr().err.splitlines()
    # Without a record, milliseconds have two digits always.
    assert without.endswith(f'"ms": {request_fields[3]:.2f}}}')
    told = [{**json.loads(one), "at": None} for one in (without, beside, *lines)]
    assert told[0] == told[1] == told[2]
    assert list(told[0]).count("request") == (headers is not None)
    assert [one for one in ("张三丰", "13812345678", "CANARY", "forged") if one in without] == []


@pytest.mark.parametrize("who", ["root", "own"])
def test_whoever_else_takes_records_gets_those_of_requests(who: str, quiet_root: logging.Logger) -> None:
    configure_logging()
    lines: list[str] = []
    logger = quiet_root if who == "root" else logging.getLogger("fangfan")
    handler = KeptLines(lines)
    logger.addHandler(handler)
    try:
        log_request(logging.getLogger("fangfan.serving"), *REQUESTS[0])
    finally:
        logger.removeHandler(handler)
    assert [json.loads(one)["event"] for one in lines] == ["request"]


def test_a_level_above_keeps_lines_of_requests_out(
    quiet_root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    for level in (logging.WARNING, logging.INFO):
        quiet_root.setLevel(level)
        in_a_loop(lambda: log_request(logging.getLogger("fangfan.serving"), *REQUESTS[0]))
    assert len(capsys.readouterr().err.splitlines()) == 1


class _Pieces(io.StringIO):
    """A stream that keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def test_requests_of_one_turn_are_written_together_and_before_what_comes_after(
    quiet_root: logging.Logger,
) -> None:
    configure_logging()
    logger, stream = logging.getLogger("fangfan.serving"), _Pieces()
    own = quiet_root.handlers[0]
    assert isinstance(own, LogStream)
    own.setStream(stream)

    async def answer() -> None:
        for _ in range(3):
            log_request(logger, *REQUESTS[0])
        assert stream.pieces == []
        await asyncio.sleep(0)
        assert [one.count("\n") for one in stream.pieces] == [3]
        log_request(logger, *REQUESTS[1])
        await asyncio.to_thread(logger.warning, "model ready")
        log_request(logger, *REQUESTS[2])

    asyncio.run(answer())
    own.flush()
    events = [json.loads(one)["event"] for one in "".join(stream.pieces).splitlines()]
    assert events == ["request"] * 4 + ["model ready", "request"]


def test_a_thread_that_logs_while_a_line_is_worded_loses_none(
    quiet_root: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    logger, worded = logging.getLogger("fangfan.serving"), logs._line

    def line(created: float, level: str, members: str) -> str:
        if level == "INFO":
            thread = threading.Thread(target=logger.warning, args=("draining",))
            thread.start()
            thread.join()
        return worded(created, level, members)

    monkeypatch.setattr(logs, "_line", line)

    async def answer() -> None:
        for _ in range(3):
            log_request(logger, *REQUESTS[0])
        await asyncio.sleep(0)

    asyncio.run(answer())
    events = [json.loads(one)["event"] for one in capsys.readouterr().err.splitlines()]
    assert sorted(events) == ["draining"] * 3 + ["request"] * 3


def test_a_filter_that_somebody_adds_is_asked(
    quiet_root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    quiet_root.handlers[0].addFilter(lambda record: record.msg != "request")
    log_request(logging.getLogger("fangfan.serving"), *REQUESTS[0])
    assert capsys.readouterr().err == ""


def test_a_process_that_ends_writes_what_waits() -> None:
    """Even where its loop never comes to it."""
    told = """
        import asyncio, logging
        from serving.logs import configure_logging, log_request

        async def answer():
            log_request(logging.getLogger("fangfan.serving"), "POST", "/v1/scores", 200, 1.5, None)
            raise SystemExit

        configure_logging()
        asyncio.run(answer())
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(told)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert [json.loads(one)["event"] for one in ended.stderr.splitlines()] == ["request"]


def test_a_log_that_cannot_be_written_fails_no_request(quiet_root: logging.Logger) -> None:
    configure_logging()
    stream = quiet_root.handlers[0]
    assert isinstance(stream, LogStream)
    unhandled: list[object] = []

    async def answer() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
        for _ in range(2):
            log_request(logging.getLogger("fangfan.serving"), *REQUESTS[0])
            await asyncio.sleep(0)
            logging.getLogger("fangfan.serving").info("model ready")
            with contextlib.suppress(OSError):
                full.close()

    with contextlib.suppress(OSError), open("/dev/full", "w", encoding="utf-8") as full:
        stream.setStream(full)
        asyncio.run(answer())
    assert unhandled == []
