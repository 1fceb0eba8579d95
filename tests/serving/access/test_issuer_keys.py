"""The provider's keys: silent, slow, wrong or rotated, the last good ones stay and nobody waits for long."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from serving.access import issuer_keys
from serving.access.issuer_keys import (
    FRESH_SECONDS,
    GAP_SECONDS,
    MOST_BYTES,
    MOST_WAITING,
    RENEW_SECONDS,
    SILENT_SECONDS,
    IssuerKeys,
    NoIssuerKeysError,
    fetch_document,
    read_keys,
)
from serving.access.tokens import TokenReader
from serving.errors import Problem, SettingsError
from tests.ports import held_port
from tests.serving.access.provider import (
    NOW,
    answer_with,
    drip,
    key_set,
    rsa_key,
    rules,
    run_provider,
    save,
    token,
)


class Place:
    """A place whose document the test changes; counts how often it is asked."""

    def __init__(self, document: bytes | Exception) -> None:
        self.document = document
        self.asked = 0
        self.clock = 0.0
        self.keys = IssuerKeys("unused", fetch=self.fetch, now=lambda: self.clock)

    def fetch(self, _: str) -> bytes:
        self.asked += 1
        if isinstance(self.document, Exception):
            raise self.document
        return self.document

    def kids(self, kid: str | None) -> set[str | None]:
        found = {one.kid for one in self.keys.find(kid)}
        assert self.keys._settled.wait(60)
        return found


def test_a_new_key_is_found_and_not_asked_for_too_often() -> None:
    place = Place(key_set(rsa_key()))
    assert place.kids("rsa-1") == {"rsa-1"}
    assert [place.kids("rsa-1") for _ in range(50)] == [{"rsa-1"}] * 50
    assert place.asked == 1
    # However many tokens name keys that are not there, the provider is asked once in a while.
    for n in range(50):
        place.kids(f"stranger-{n}")
    assert place.asked == 1
    place.document = key_set(rsa_key("rsa-2"))
    place.clock += GAP_SECONDS
    assert place.kids("rsa-2") == {"rsa-2"}
    assert place.asked == 2
    place.clock += FRESH_SECONDS + 1
    place.kids("rsa-2")
    assert place.asked == 3


@pytest.mark.parametrize(
    "fault",
    [
        OSError("no route"), http.client.BadStatusLine("x"), b"", b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": {}}',
        b'{"keys": [{"kty": "oct", "k": "AAAA"}]}', b"[" * 100_000, b"\xff\xfe", b'{"keys": [null, 7, "x", {}]}',
        b" " * (MOST_BYTES + 1), json.dumps({"keys": [{}] * 101}).encode(),
    ],
)  # fmt: skip
def test_the_last_good_keys_stay(fault: bytes | Exception) -> None:
    place = Place(fault)
    with pytest.raises(NoIssuerKeysError):
        place.keys.find("rsa-1")
    place.clock += GAP_SECONDS
    place.document = key_set(rsa_key())
    assert place.kids("rsa-1") == {"rsa-1"}
    place.document = fault
    for _ in range(5):
        place.clock += FRESH_SECONDS + 1
        assert place.kids("rsa-1") == {"rsa-1"}
    assert place.asked == 7


def test_without_any_keys_the_caller_is_told_to_come_again() -> None:
    place = Place(OSError("silent"))
    found = TokenReader(rules(), str, place.keys, now=lambda: NOW)
    with pytest.raises(Problem) as refused:
        found.find_caller(token())
    assert refused.value.code == "issuer_keys_missing"
    assert int(refused.value.headers["Retry-After"]) > 0


def test_many_at_once_ask_once() -> None:
    begun, go = threading.Event(), threading.Event()
    asked: list[int] = []

    def fetch(_: str) -> bytes:
        asked.append(1)
        begun.set()
        assert go.wait(10)
        return key_set(rsa_key())

    keys = IssuerKeys("unused", fetch=fetch)
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(bool(keys.find("rsa-1")))) for _ in range(20)]
    for one in threads:
        one.start()
    assert begun.wait(10)
    go.set()
    for one in threads:
        one.join(10)
    assert (len(asked), found) == (1, [True] * 20)


def test_made_up_keys_do_not_take_every_thread() -> None:
    begun, go = threading.Event(), threading.Event()

    def fetch(_: str) -> bytes:
        begun.set()
        go.wait(10)
        return key_set(rsa_key())

    keys = IssuerKeys("unused", fetch=fetch)

    def ask() -> None:
        with suppress(NoIssuerKeysError):
            keys.find("made-up")

    threads = [threading.Thread(target=ask) for _ in range(MOST_WAITING + 20)]
    for one in threads:
        one.start()
    assert begun.wait(10)
    until = time.monotonic() + 5
    while (waiting := sum(one.is_alive() for one in threads)) > MOST_WAITING and time.monotonic() < until:
        time.sleep(0.01)
    go.set()
    for one in threads:
        one.join(10)
    assert waiting == MOST_WAITING
    assert {one.kid for one in keys.find("rsa-1")} == {"rsa-1"}


def test_a_withdrawn_key_is_not_accepted_after_a_quiet_time() -> None:
    place = Place(key_set(rsa_key()))
    reader = TokenReader(rules(), str, place.keys, now=lambda: NOW)
    assert reader.find_caller(token()) is not None
    place.document = key_set(rsa_key("rsa-2"))
    place.clock += FRESH_SECONDS + 1
    assert reader.find_caller(token()) is None
    assert reader.find_caller(token(key=rsa_key("rsa-2"))) is not None
    assert place.asked == 2


class Slow:
    """A provider that gives one set at once and hangs from then on, until it is let `go`."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.clock = 0.0
        self.asked = 0
        self.keys = IssuerKeys("unused", fetch=self.fetch, now=lambda: self.clock)
        self.keys.find("rsa-1")

    def fetch(self, _: str) -> bytes:
        self.asked += 1
        if self.asked > 1:
            assert self.go.wait(20)
            raise OSError
        return key_set(rsa_key())

    def end(self) -> None:
        self.go.set()
        assert self.keys._settled.wait(10)


def test_a_fresh_key_does_not_wait_for_a_slow_provider() -> None:
    slow = Slow()
    slow.clock += RENEW_SECONDS + 1
    # Answered while the fetch hangs: it would wait until `go` otherwise.
    assert slow.keys.find("rsa-1") is not None
    assert not slow.keys._settled.is_set()
    slow.end()


def test_one_wait_tells_that_the_provider_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 0.2)
    slow = Slow()
    slow.clock += FRESH_SECONDS + 1
    assert slow.keys.find("rsa-1") is not None
    waits: list[float | None] = []
    monkeypatch.setattr(slow.keys._settled, "wait", waits.append)
    for _ in range(50):
        assert slow.keys.find("rsa-1") is not None
    assert (slow.asked, waits) == (2, [])
    # What was silent half a minute ago may speak by now.
    slow.clock += SILENT_SECONDS
    slow.keys.find("rsa-1")
    assert len(waits) == 1
    monkeypatch.undo()
    slow.end()


def test_old_keys_do_not_take_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 2)
    slow = Slow()
    slow.clock += FRESH_SECONDS + 1
    refused, found = [], []

    def ask() -> None:
        try:
            found.append(slow.keys.find("rsa-1"))
        except NoIssuerKeysError:
            refused.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(MOST_WAITING + 5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    # Those that waited have the last good keys; the others are told to come again.
    assert (len(found), len(refused), slow.asked) == (MOST_WAITING, 5, 2)
    slow.end()


def test_a_crowd_after_a_quiet_time_is_answered_by_a_provider_that_is_well() -> None:
    clock, asked, everybody = [0.0], [], threading.Barrier(2 * MOST_WAITING + 1)

    def fetch(_: str) -> bytes:
        asked.append(clock[0])
        if clock[0]:
            # Not before all of them ask.
            everybody.wait(10)
        return key_set(rsa_key())

    keys = IssuerKeys("unused", fetch=fetch, now=lambda: clock[0])
    keys.find("rsa-1")
    clock[0] = FRESH_SECONDS + 1
    found: list[Any] = []

    def ask() -> None:
        # The fetch is begun by the first of them, and waits for the last.
        threading.Thread(target=everybody.wait, args=(10,), daemon=True).start()
        try:
            found.append(keys.find("rsa-1"))
        except NoIssuerKeysError as error:
            found.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2 * MOST_WAITING)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert len(asked) == 2
    assert [type(one) for one in found] == [type(keys.find("rsa-1"))] * (2 * MOST_WAITING)


def test_a_set_is_fetched_over_http() -> None:
    with run_provider(answer_with(key_set(rsa_key()))) as (address, asked):
        assert {one.kid for one in IssuerKeys(address).find("rsa-1")} == {"rsa-1"}
    assert asked == ["/keys?x=1"]


@pytest.mark.parametrize(
    "answer",
    [
        answer_with(b"", 302, Location="http://127.0.0.1:1/evil"), answer_with(key_set(rsa_key()), 404),
        answer_with(b"x" * (MOST_BYTES + 10)), answer_with(b"{}", length=MOST_BYTES), drip,
        lambda handler: time.sleep(5), lambda handler: handler.wfile.write(b"no http at all\r\n\r\n"),
    ],
    ids=["redirect", "404", "too large", "cut off", "drip", "silent", "no http"],
)  # fmt: skip
def test_what_is_no_answer_is_broken_off(
    answer: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 0.4)
    with run_provider(answer) as (address, asked):
        with pytest.raises((OSError, ValueError, http.client.HTTPException)):
            fetch_document(address)
        # Sent it was; a busy machine may need longer to read it than the caller waits for an answer.
        until = time.monotonic() + 60
        while not asked and time.monotonic() < until:
            time.sleep(0.01)
        assert asked == ["/keys?x=1"]


def test_a_closed_port_is_said_at_once() -> None:
    with held_port() as port, pytest.raises(OSError, match="refused"):
        fetch_document(f"http://127.0.0.1:{port}/keys")


def test_a_set_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    clock = [0.0]
    keys = IssuerKeys(save(path, key_set(rsa_key())), now=lambda: clock[0])
    assert {one.kid for one in keys.find("rsa-1")} == {"rsa-1"}
    save(path, key_set(rsa_key("rsa-2")))
    clock[0] += GAP_SECONDS
    assert {one.kid for one in keys.find("rsa-2")} == {"rsa-2"}
    path.unlink()
    clock[0] += FRESH_SECONDS + 1
    assert {one.kid for one in keys.find("rsa-2")} == {"rsa-2"}


@pytest.mark.parametrize(
    "place",
    ["http://id.test/keys", "ftp://id.test/keys", "file:///etc/passwd", "http://127.0.0.1.evil.test/"],
)
def test_keys_come_over_tls_or_from_a_file(place: str) -> None:
    with pytest.raises(SettingsError, match="https://"):
        IssuerKeys(place)


def test_a_set_with_keys_that_nobody_knows_is_read() -> None:
    entries = [{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, *json.loads(key_set(rsa_key()))["keys"]]
    assert [one.kid for one in read_keys(json.dumps({"keys": entries}).encode())] == ["rsa-1"]
