"""What a line of the log can hold: the listed fields, whoever writes it and whatever is in it."""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.exchange import accepted_number, current_exchange, exchange_of
from serving.logs import FIELDS, JsonLines, configure_logging
from tests.serving.conftest import Client
from tests.serving.operations.conftest import KeptLines

CANARIES = ("张三丰", "110101199003077774", "13812345678", "CANARY")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SOUND = f"00-{TRACE}-00f067aa0ba902b7-01"
PACKAGE = Path(__file__).resolve().parents[3] / "serving"


def record(**fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("fangfan.serving", logging.INFO, __file__, 1, "event", (), None)
    made.fields = fields
    return made


def line_of(one: logging.LogRecord) -> dict[str, Any]:
    text = JsonLines().format(one)
    assert not re.search(r"[\x00-\x1f\x7f]", text)
    made: dict[str, Any] = json.loads(text)
    return made


def test_a_field_that_is_not_listed_is_left_out_and_counted() -> None:
    line = line_of(record(household_id="H0001", name="张三丰", status=200))
    assert (line["status"], line["dropped"]) == (200, 2)
    assert set(line) == {"at", "level", "event", "status", "dropped"}


@pytest.mark.parametrize(
    "fields",
    [
        {"route": "/v1/households/张三丰"}, {"route": "/households/H0001?find=张三丰"}, {"route": "/X\r\nSet-Cookie: a"},
        {"problem": "no such code"}, {"error": "ValueError: 13812345678"}, {"job": "H-110101199003077774"},
        {"where": ["a.py:1\nforged"]}, {"where": "a.py:1"}, {"where": ["a.py:1"] * 9}, {"status": True},
        {"ms": "12"}, {"ms": float("inf")}, {"version": "v1\n{}"}, {"reason": "x" * 301},
        {"reason": "line\nline"}, {"reason": "a\u2028b"}, {"code": {"a": 1}}, {"state": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_is_not_of_its_form_is_left_out(fields: dict[str, Any]) -> None:
    assert set(line_of(record(**fields))) == {"at", "level", "event", "dropped"}


@given(
    st.dictionaries(
        st.text(), st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text()))
    )
)
def test_whatever_is_given_a_line_is_one_object_of_listed_fields(fields: dict[str, Any]) -> None:
    line = line_of(_with(fields))
    assert set(line) <= {"at", "level", "event", "dropped", *FIELDS}
    kept = set(line) & set(fields) - {"at", "level", "event", "dropped"}
    assert line.get("dropped", 0) == len(fields) - len(kept)


def _with(fields: dict[str, Any]) -> logging.LogRecord:
    made = record()
    made.fields = fields
    return made


def test_chinese_stays_readable() -> None:
    text = JsonLines().format(record(reason="模型文件不完整"))
    assert "模型文件不完整" in text


def test_a_librarys_line_has_its_place_and_none_of_its_texts() -> None:
    made = logging.LogRecord(
        "uvicorn.error",
        logging.ERROR,
        "server.py",
        7,
        f"bad request for {CANARIES[0]} %s",
        (CANARIES[1],),
        None,
    )
    line = line_of(made)
    assert line == {
        "at": line["at"], "level": "error", "event": "library", "library": "uvicorn.error", "where": ["server.py:7"]
    }  # fmt: skip
    # What a server says of an address that is taken: its number, not its words.
    busy = logging.LogRecord(
        "uvicorn.error", logging.ERROR, "server.py", 7, OSError(98, CANARIES[2]), (), None
    )
    assert (line_of(busy)["error"], line_of(busy)["errno"]) == ("OSError", 98)
    odd = logging.LogRecord(f"lib.{CANARIES[0]}", logging.ERROR, "x.py", 7, "text", (), None)
    assert line_of(odd)["library"] == "other"


def test_of_an_exception_the_kind_and_the_lines_are_told() -> None:
    class Leaky(Exception):
        def __str__(self) -> str:
            return " ".join(CANARIES)

    try:
        try:
            raise ValueError(CANARIES[1])
        except ValueError as error:
            error.add_note(CANARIES[0])
            raise Leaky(*CANARIES) from error
    except Leaky:
        for name in ("fangfan.serving", "sqlalchemy.engine"):
            made = logging.LogRecord(name, logging.ERROR, __file__, 1, "failure", (), sys.exc_info())
            line = line_of(made)
            assert line["error"] == "Leaky"
            assert re.fullmatch(r".*test_logs\.py:\d+", line["where"][-1])
            assert not [one for one in CANARIES if one in json.dumps(line, ensure_ascii=False)]


def test_events_are_texts_of_the_code() -> None:
    """No event is put together from values: the first argument is a text, or a choice between two."""
    seen = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "LOGGER"):
                continue
            seen += 1
            event = node.args[0]
            texts = [event.body, event.orelse] if isinstance(event, ast.IfExp) else [event]
            assert len(node.args) == 1, path
            assert all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in texts), path
            fields = [one for one in node.keywords if one.arg != "extra"]
            assert fields == [], path
    assert seen >= 10


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ([SOUND], TRACE),
        ([f"cc-{TRACE}-00f067aa0ba902b7-00"], TRACE),
        ([], None), ([SOUND, SOUND], None), ([SOUND.upper()], None), ([f"ff{SOUND[2:]}"], None),
        ([SOUND + "-more"], None), ([f"00-{'0' * 32}-00f067aa0ba902b7-01"], None),
        ([f"00-{TRACE}-{'0' * 16}-01"], None), ([f"{SOUND}\r\nX-Evil: 1"], None), ([f"{SOUND}\n"], None), (["张三丰"], None),
        # An ID number is hexadecimal as well.
        ([f"00-{'0' * 13}a110101199003077774-00f067aa0ba902b7-01"], None),
        ([f"00-{'0' * 21}13812345678-00f067aa0ba902b7-01"], None),
    ],
    ids=str,
)  # fmt: skip
def test_the_number_of_a_request_is_a_sound_trace_id_or_made(headers: list[str], number: str | None) -> None:
    assert accepted_number(headers) == number
    with exchange_of(headers) as exchange:
        assert current_exchange() is exchange
        assert re.fullmatch(r"[0-9a-f]{32}", exchange.number)
        assert number is None or exchange.number == number
        assert line_of(record())["request"] == exchange.number
    assert current_exchange() is None


def test_a_request_is_found_in_the_log_by_the_number_of_its_answer(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answers, lines = [], []
    for headers in ({"traceparent": SOUND}, {"traceparent": "nonsense", "X-Request-Id": "CANARY"}):
        caplog.clear()
        formatted: list[str] = []
        handler = KeptLines(formatted)
        logging.getLogger("fangfan").addHandler(handler)
        try:
            with caplog.at_level(logging.INFO, "fangfan"):
                answers.append(client.get("/v1/households/CANARY", headers={**client.headers, **headers}))
        finally:
            logging.getLogger("fangfan").removeHandler(handler)
        lines.append(json.loads(formatted[-1]))
    assert [one.headers["x-request-id"] for one in answers] == [one["request"] for one in lines]
    assert lines[0]["request"] == TRACE
    assert (lines[1]["problem"], lines[1]["status"]) == ("household_not_found", 404)
    assert "CANARY" not in json.dumps(lines)


def test_an_error_within_a_request_shows_nothing_of_what_was_sent(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(" ".join(CANARIES) + '\n{"event":"forged"}')

    lines: list[str] = []
    handler = KeptLines(lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    monkeypatch.setattr(type(client.app.state.store), "find", fail)
    try:
        answer = client.get(f"/v1/households/{CANARIES[1]}?as_of_date=2026-10-31")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    told = "\n".join([*lines, answer.text])
    assert [one for one in CANARIES if one in told] == []
    assert "forged" not in told
    failure = next(json.loads(one) for one in lines if json.loads(one)["event"] == "failure")
    assert failure["error"] == "RuntimeError"
    assert failure["request"] == answer.headers["x-request-id"]


def test_what_a_library_says_in_passing_is_not_written(
    quiet_root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received: CANARY")
    logging.getLogger("fangfan.serving").info("model ready", extra={"fields": {"version": "v1"}})
    lines = [json.loads(one) for one in capsys.readouterr().err.splitlines()]
    assert [one["event"] for one in lines] == ["library", "model ready"]
    assert "CANARY" not in json.dumps(lines)


@pytest.mark.parametrize("path", ["/v1/what-if", "/v1/jobs", "/v1/scores"])
def test_a_sender_who_goes_away_is_no_fault_of_the_service(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    kind = b"multipart/form-data; boundary=x" if path == "/v1/jobs" else b"application/json"
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "headers": [(b"content-type", kind), (b"authorization", client.headers["Authorization"].encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    with caplog.at_level(logging.INFO, "fangfan"):
        client.run(client.app(scope, receive, send))
    (line,) = (one.__dict__["fields"] for one in caplog.records if one.msg == "request")
    assert (line["status"], line.get("problem")) == (499, None)
    assert not [one for one in caplog.records if one.msg == "failure"]
