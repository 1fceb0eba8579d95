"""What the page for receivers says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from serving.storage.webhooks import DeliveryState, Ended
from serving.webhooks.seal import new_secret
from serving.webhooks.sender import sign

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "receive-alerts.md").read_text(encoding="utf-8")


@pytest.fixture
def is_genuine() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}
    exec(compile(code, "receive-alerts.md", "exec"), made)
    return made["is_genuine"]


def test_the_receiver_that_is_shown_takes_what_is_sent_and_nothing_else(is_genuine: Any) -> None:
    secret, body, now = new_secret(), b'{"type":"household.alert"}', 1_800_000_000
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, "evt_1", now, body),
    }
    assert is_genuine(secret, headers, body, now + 10)
    assert is_genuine(
        secret, {**headers, "webhook-signature": f"v1,x {headers['webhook-signature']}"}, body, now
    )
    assert not is_genuine(secret, headers, body + b" ", now)
    assert not is_genuine(new_secret(), headers, body, now)
    assert not is_genuine(secret, {**headers, "webhook-id": "evt_2"}, body, now)
    assert not is_genuine(secret, headers, body, now + 301)
    assert not is_genuine(secret, {**headers, "webhook-timestamp": "soon"}, body, now)


def test_the_scheme_is_the_published_one() -> None:
    """A vector from the specification of Standard Webhooks."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == wanted


def test_every_state_and_outcome_is_documented() -> None:
    sources = [
        (ROOT / "serving" / "webhooks" / f"{one}.py").read_text() for one in ("address", "sender", "courier")
    ]
    codes = {
        code for text in sources for code in re.findall(r'(?:Sent|AddressRefused)\(\s*"(\w+)"', text)
    } | {"timed_out", "tls_failed", "no_answer"}
    assert len(codes) >= 9
    for one in (*codes, *DeliveryState, Ended.GONE, Ended.KEY_ENDED):
        assert f"`{one}`" in PAGE, one
