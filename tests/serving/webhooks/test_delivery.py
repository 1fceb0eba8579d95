"""Delivery to real receivers on this machine: signed, at least once, under one id, and none lost."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from serving.errors import SettingsError
from serving.storage import AssessmentStore, AuditLog, KeyStore, open_database
from serving.storage.webhooks import WebhookStore, forget_ended
from serving.webhooks import sender
from serving.webhooks.address import AddressRefused, Networks, parse_url
from serving.webhooks.courier import ANYBODY, LONGEST_PAUSE, MOST_AT_ONCE, MOST_ATTEMPTS, pause_after
from serving.webhooks.seal import Seal
from tests.serving.readers import AUDIT_KEY
from tests.serving.webhooks import receivers
from tests.serving.webhooks.conftest import Clock, Outbox
from tests.serving.webhooks.receivers import receiving


def verify(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the receiver does it, from the published scheme (Standard Webhooks)."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{wanted}"


def test_an_alert_is_sent_once_signed_and_logged(outbox: Outbox) -> None:
    with receiving(receivers.status(200)) as receiver:
        hook, secret = outbox.add_hook(receiver.url)
        outbox.alert()
        courier = outbox.courier()
        assert courier.deliver_one()
        assert not courier.deliver_one()
    ((headers, body),) = receiver.requests
    assert headers["request-line"] == "POST /alerts?from=test HTTP/1.1"
    assert verify(secret, headers, body)
    assert not verify(secret, headers, body + b" ")
    assert abs(int(headers["webhook-timestamp"]) - outbox.clock().timestamp()) < 2
    event = json.loads(body)
    assert (event["type"], event["data"]["household_id"]) == ("household.alert", "H1")
    assert outbox.states() == [("delivered", 1, "status_200")]
    (entry,) = outbox.hooks.audit.search(household_id="H1")
    assert (entry.action, entry.key_id, entry.area) == ("household_sent", hook.key_id, "50")
    assert outbox.hooks.audit.verify().faults == ()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (receivers.status(500), "status_500"), (receivers.status(404), "status_404"),
        (receivers.status(302, "Location: http://127.0.0.1:1/\r\n"), "status_302"),
        (receivers.hangs, "timed_out"), (receivers.drips, "timed_out"), (receivers.continues, "timed_out"),
        (receivers.garbage, "no_answer"), (receivers.floods, "no_answer"), (receivers.closes, "no_answer"),
    ],
    ids=["500", "404", "redirect", "hang", "drip", "continue", "garbage", "flood", "close"],
)  # fmt: skip
def test_who_does_not_take_it_gets_it_again(outbox: Outbox, answer: receivers.Answer, outcome: str) -> None:
    with receiving(answer) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        # No longer where it will be over, no shorter where an answer is awaited, however busy the machine is.
        courier = outbox.courier(seconds=1 if outcome == "timed_out" else 60)
        assert courier.deliver_one()
        assert outbox.states() == [("pending", 1, outcome)]
        # Not before its time.
        assert not courier.deliver_one()
        outbox.clock.pass_by(seconds=5.1)
        assert courier.deliver_one()
        # The receiver may have read it only after it was given up.
        _until(lambda: len(receiver.ids) == 2)
    assert len(set(receiver.ids)) == 1
    assert receiver.requests[0][1] == receiver.requests[1][1]


def test_it_is_delivered_when_the_receiver_is_well_again(outbox: Outbox) -> None:
    with receiving(receivers.fails_then_takes(4, 503)) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        courier = outbox.courier()
        for _ in range(5):
            assert courier.deliver_one()
            outbox.clock.pass_by(hours=7)
        assert not courier.deliver_one()
    assert outbox.states() == [("delivered", 5, "status_204")]
    assert len(set(receiver.ids)) == 1


def test_what_nobody_takes_is_dead_is_seen_and_can_wait_again(outbox: Outbox) -> None:
    with receiving(receivers.fails_then_takes(MOST_ATTEMPTS)) as receiver:
        hook, _ = outbox.add_hook(receiver.url)
        outbox.alert()
        courier = outbox.courier()
        for _ in range(MOST_ATTEMPTS):
            assert courier.deliver_one()
            outbox.clock.pass_by(hours=10)
        assert not courier.deliver_one()
        assert outbox.states() == [("dead", MOST_ATTEMPTS, "status_500")]
        assert outbox.hooks.retry_dead(hook.id) == 1
        assert courier.deliver_one()
    assert [one[0] for one in outbox.states()] == ["delivered"]


@pytest.mark.parametrize(
    ("code", "state", "days"), [(200, "delivered", 30), (410, "dropped", 30), (500, "dead", 184)]
)
def test_what_ended_is_deleted_in_its_time(outbox: Outbox, code: int, state: str, days: int) -> None:
    with receiving(receivers.status(code)) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        courier = outbox.courier()
        while courier.deliver_one():
            outbox.clock.pass_by(hours=10)
    assert [one[0] for one in outbox.states()] == [state]
    (ended,) = [one.ended_at for one in outbox.hooks.deliveries()]
    forget_ended(outbox.engine, ended + dt.timedelta(days=days))
    assert [one[0] for one in outbox.states()] == [state]
    forget_ended(outbox.engine, ended + dt.timedelta(days=days, seconds=1))
    assert outbox.states() == []


def test_who_is_gone_is_sent_nothing_any_more(outbox: Outbox) -> None:
    with receiving(receivers.status(410)) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        outbox.run("2026-11-30", ("H2", "high", []))
        courier = outbox.courier()
        assert courier.deliver_one()
        assert not courier.deliver_one()
    assert sorted(outbox.states()) == [("dropped", 0, "gone"), ("dropped", 1, "status_410")]
    assert outbox.hooks.list()[0].ended_because == "gone"


def test_a_receiver_that_hangs_does_not_hold_up_another(outbox: Outbox) -> None:
    outbox.run("2026-09-30", *((f"H{n}", "low", []) for n in range(8)))
    ends = threading.Event()

    def never(*_: object) -> None:
        ends.wait()

    with receiving(never) as slow, receiving(receivers.status(200)) as fast:
        outbox.add_hook(slow.url)
        outbox.add_hook(fast.url)
        outbox.run("2026-10-31", *((f"H{n}", "high", []) for n in range(8)))
        courier = outbox.courier()
        courier.start()
        try:
            _until(lambda: len(fast.requests) == 8)
            # As many as may wait for one receiver; none of them ended meanwhile.
            assert len(slow.requests) <= MOST_AT_ONCE
        finally:
            ends.set()
            courier.stop()


def test_what_waits_for_a_receiver_that_fails_does_not_hold_up_another(outbox: Outbox) -> None:
    keys = [f"H{number}" for number in range(8)]
    with receiving(receivers.status(500)) as failing, receiving(receivers.status(200)) as sound:
        outbox.add_hook(failing.url)
        outbox.run("2026-09-30", *((key, "low", []) for key in keys))
        outbox.run("2026-10-31", *((key, "high", []) for key in keys[:-1]))
        hook, _ = outbox.add_hook(sound.url)
        outbox.run("2026-10-31", (keys[-1], "high", []))
        courier = outbox.courier()
        assert courier.deliver_one()
        assert courier.deliver_one()
    assert len(sound.requests) == 1
    assert [one.state for one in outbox.hooks.deliveries(hook.id)] == ["delivered"]


def test_who_failed_is_tried_again_where_others_always_have_one_due(outbox: Outbox) -> None:
    keys = [f"H{number}" for number in range(12)]
    outbox.run("2026-09-30", *((key, "low", []) for key in keys))
    with receiving(receivers.status(500)) as failing, receiving(receivers.status(200)) as sound:
        outbox.add_hook(failing.url)
        outbox.add_hook(sound.url)
        outbox.run("2026-10-31", *((key, "high", []) for key in keys))
        courier = outbox.courier()
        for _ in range(2 * ANYBODY):
            assert courier.deliver_one()
    # The first time nobody knows it; then every so often.
    assert len(failing.requests) == 1 + 2
    assert len(sound.requests) == 2 * ANYBODY - 3


def test_pauses_grow_are_spread_and_end() -> None:
    wholes = [pause_after(one, 0.5).total_seconds() for one in range(1, MOST_ATTEMPTS)]
    assert wholes[:5] == [5, 15, 45, 135, 405]
    assert wholes == sorted(wholes)
    assert max(wholes) == LONGEST_PAUSE.total_seconds()
    assert dt.timedelta(hours=18) < sum(
        (pause_after(n, 0.5) for n in range(1, MOST_ATTEMPTS)), dt.timedelta()
    )
    assert pause_after(3, 0).total_seconds() == 22.5
    assert pause_after(3, 1).total_seconds() == 67.5
    assert pause_after(10**6, 1) == LONGEST_PAUSE * 1.5


PRIVATE = [
    "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest/",
    "https://127.0.0.1/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://0.0.0.0/",
    "https://100.64.0.1/", "https://224.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::]/", "https://localhost/", "https://2130706433/", "https://0x7f.1/",
    "https://255.255.255.255/", "https://[fec0::1]/", "https://[64:ff9b:1::a00:1]/", "https://[::7f00:1]/",
    "https://[::ffff:0:a00:1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_nothing_goes_to_a_private_address_by_itself(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        Networks().find_target(url)
    assert refused.value.code in {"address_not_allowed", "name_not_found"}


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/", "ftp://8.8.8.8/", "file:///etc/passwd", "https://", "nonsense", "https://u:p@8.8.8.8/",
        "https://8.8.8.8/#a", "https://8.8.8.8:0/", "https://8.8.8.8:99999/", "https://8.8.8.8/\r\nHost: x",
        "https://8.8.8.8/ a", "https://例子.example/", f"https://8.8.8.8/{'a' * 2_000}", "//8.8.8.8/",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        Networks().find_target(url)


def test_addresses_that_may_be_are_taken() -> None:
    assert Networks().find_target("https://8.8.8.8:8443/a?b=c").host_header == "8.8.8.8:8443"
    assert Networks.read("10.1.0.0/16, 127.0.0.1/32").find_target("https://10.1.2.3/").port == 443
    assert parse_url("https://[2606:4700::1111]/")[1] == "2606:4700::1111"
    # http is for this machine alone, also inside an allowed network.
    with pytest.raises(AddressRefused, match="https"):
        Networks.read("10.0.0.0/8").find_target("http://10.0.0.1/")
    assert not Networks.read("127.0.0.1").find_target("http://127.0.0.1:81/").is_tls
    with pytest.raises(SettingsError, match="WEBHOOK_NETWORKS"):
        Networks.read("10.0.0.1/8")


def test_a_name_that_moved_into_a_private_network_is_sent_nothing(outbox: Outbox) -> None:
    with receiving(receivers.status(200)) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        assert outbox.courier(networks=Networks()).deliver_one()
    assert receiver.requests == []
    assert outbox.states() == [("pending", 1, "address_not_allowed")]


def test_a_receiver_without_a_certificate_of_its_own_is_not_trusted(outbox: Outbox) -> None:
    with receiving(receivers.status(200)) as receiver:
        outbox.add_hook(receiver.url.replace("http:", "https:"))
        outbox.alert()
        assert outbox.courier(seconds=1).deliver_one()
    assert receiver.requests == []
    assert outbox.states()[0][2] in {"tls_failed", "timed_out", "no_answer"}


def test_a_handshake_without_an_end_is_cut(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own time is no help here: what is over is the attempt's.
    monkeypatch.setattr(sender, "CONNECT_SECONDS", 300.0)
    with receiving(receivers.hangs) as receiver:
        outbox.add_hook(receiver.url.replace("http:", "https:"))
        outbox.alert()
        sending = threading.Thread(target=outbox.courier(seconds=1).deliver_one, daemon=True)
        sending.start()
        sending.join(60)
        assert not sending.is_alive()
    assert outbox.states() == [("pending", 1, "timed_out")]


KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}]
from serving.storage.webhooks import WebhookStore
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
WebhookStore.settle = die
from serving.__main__ import main
sys.argv = ["serving", "work", "--once"]
main()
"""


def test_a_courier_killed_between_sending_and_noting_loses_nothing(tmp_path: Path) -> None:
    """A real process is killed by -9 after the receiver took the event; another sends it again, once."""
    root = str(Path(__file__).resolve().parents[3])
    url, key_file = f"sqlite:///{tmp_path}/s.db", tmp_path / "audit-key"
    key_file.write_text(AUDIT_KEY.hex())
    clock = Clock()
    clock.moment = dt.datetime.now(dt.UTC)
    engine = open_database(url)
    store = AssessmentStore(engine)
    store.save_release("m", "0" * 64, 12)
    hooks = WebhookStore(engine, AuditLog(engine, AUDIT_KEY), clock)
    outbox = Outbox(engine, store, hooks, KeyStore(engine), clock, Seal(AUDIT_KEY))
    environment = {
        **os.environ, "PYTHONPATH": root, "FANGFAN_BUNDLE_DIR": str(tmp_path), "FANGFAN_DATABASE_URL": url,
        "FANGFAN_AUDIT_KEY_FILE": str(key_file), "FANGFAN_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }  # fmt: skip
    with receiving(receivers.status(200)) as receiver:
        outbox.add_hook(receiver.url)
        outbox.alert()
        code = KILLED.format(root=root)
        killed = subprocess.run(
            [sys.executable, "-c", code], env=environment, check=False, capture_output=True
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert len(receiver.ids) == 1
        assert outbox.states() == [("pending", 1, None)]
        courier = outbox.courier()
        # Held for a moment by who is dead, then free.
        clock.moment = dt.datetime.now(dt.UTC)
        assert not courier.deliver_one()
        clock.pass_by(seconds=61)
        assert courier.deliver_one()
        assert not courier.deliver_one()
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert outbox.states() == [("delivered", 2, "status_200")]
    engine.dispose()


def test_of_two_that_take_the_same_event_one_notes(outbox: Outbox) -> None:
    from serving.storage.webhooks import DeliveryState

    outbox.add_hook("http://127.0.0.1:9/")
    outbox.alert()
    first = outbox.hooks.take()
    assert first is not None
    assert outbox.hooks.take() is None
    outbox.clock.pass_by(seconds=61)
    second = outbox.hooks.take()
    assert second is not None
    assert (second.event_id, second.attempt) == (first.event_id, 2)
    assert not outbox.hooks.settle(first, DeliveryState.DEAD, "late")
    assert outbox.hooks.settle(second, DeliveryState.DELIVERED, "status_200")
    assert not outbox.hooks.settle(second, DeliveryState.DELIVERED, "status_200")


def _until(asked: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not asked():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
