"""The courier: takes events out of the outbox and sends them, again and later where they are not taken.

An event is marked after it was sent. Who dies between the two leaves it to be sent again under the same id:
at least once, and never lost. What is not taken for a day is dead, and is shown as that.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from serving.errors import AccessError
from serving.storage.columns import document_text
from serving.storage.webhooks import DeliveryState, Taken, WebhookStore
from serving.webhooks.seal import Seal
from serving.webhooks.sender import Sender, Sent

LOGGER = logging.getLogger("fangfan.serving")

MOST_ATTEMPTS = 12
FIRST_PAUSE = dt.timedelta(seconds=5)
LONGEST_PAUSE = dt.timedelta(hours=6)
GROWTH = 3
"""Pauses of 5, 15, 45 … seconds up to six hours: twelve attempts within about a day."""
THREADS = 4
MOST_AT_ONCE = 2
"""Threads that one webhook may keep waiting: a receiver that hangs does not hold up the others."""
ANYBODY = 4
"""Of so many events taken one is the event that is due longest, whoever it is for: those that failed are
tried again also where the others always have one due."""
IDLE_SECONDS = 1.0
STOP_SECONDS = 6.0


def pause_after(attempt: int, jitter: float) -> dt.timedelta:
    """How long to wait after an attempt that failed; `jitter` from 0 to 1 spreads it by half either way."""
    # Bounded before it is multiplied: a timedelta has an end.
    steps = min(attempt - 1, 20)
    whole: dt.timedelta = min(FIRST_PAUSE * GROWTH**steps, LONGEST_PAUSE)
    return whole * (0.5 + jitter)


class Courier:
    """Delivers what the outbox holds, in threads of its own until `stop`."""

    def __init__(
        self,
        store: WebhookStore,
        seal: Seal,
        sender: Sender,
        *,
        jitter: Callable[[], float] = random.random,
        pause: Callable[[int, float], dt.timedelta] = pause_after,
    ) -> None:
        self.store = store
        self.seal = seal
        self.sender = sender
        self._jitter = jitter
        self._pause = pause
        self._stops = threading.Event()
        self._busy = Counter[str]()
        self._failing = set[str]()
        self._asked = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"courier-{number}", daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Start the threads."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """Stop; attempts that are on their way for longer than a moment are made again by who comes next."""
        self._stops.set()
        end = time.monotonic() + STOP_SECONDS
        for one in self._threads:
            if one.is_alive():
                one.join(max(0.0, end - time.monotonic()))

    def deliver_one(self) -> bool:
        """Send the event that is due longest; whether there was one. Raises as the database does."""
        with self._lock:
            full = [one for one, count in self._busy.items() if count >= MOST_AT_ONCE]
            self._asked += 1
            # Those that took their last one come first: what waits for the others holds up nobody.
            failing = self._failing.difference(full) if self._asked % ANYBODY else set[str]()
            taken = self.store.take({*full, *failing})
            if taken is None and failing:
                taken = self.store.take(full)
            if taken is None:
                return False
            self._busy[taken.webhook.id] += 1
        try:
            sent = self._send(taken)
            self._note(taken.webhook.id, sent)
            self._settle(taken, sent)
        finally:
            with self._lock:
                self._busy[taken.webhook.id] -= 1
        return True

    def _note(self, webhook_id: str, sent: Sent) -> None:
        with self._lock:
            if sent.is_taken:
                self._failing.discard(webhook_id)
            else:
                self._failing.add(webhook_id)

    def _send(self, taken: Taken) -> Sent:
        try:
            secret = self.seal.open(taken.webhook.sealed_secret, taken.webhook.id)
        except AccessError:
            return Sent("secret_not_opened")
        return self.sender.send(
            taken.webhook.url,
            secret,
            taken.event_id,
            int(self.store.now().timestamp()),
            document_text(taken.event).encode(),
        )

    def _settle(self, taken: Taken, sent: Sent) -> None:
        fields: dict[str, Any] = {
            "webhook": taken.webhook.id,
            "delivery": taken.event_id,
            "outcome": sent.code,
        }
        if sent.is_taken:
            self.store.settle(taken, DeliveryState.DELIVERED, sent.code)
            LOGGER.info("webhook delivered", extra={"fields": fields})
        elif sent.is_gone:
            self.store.settle(taken, DeliveryState.DROPPED, sent.code)
            LOGGER.error("webhook gone", extra={"fields": fields})
            self.store.end_gone(taken.webhook)
        elif taken.attempt >= MOST_ATTEMPTS:
            self.store.settle(taken, DeliveryState.DEAD, sent.code)
            LOGGER.error("webhook event given up", extra={"fields": fields})
        else:
            pause = self._pause(taken.attempt, self._jitter())
            self.store.settle(taken, DeliveryState.PENDING, sent.code, pause)
            LOGGER.warning("webhook not taken", extra={"fields": {**fields, "attempt": taken.attempt}})

    def _run(self) -> None:
        while not self._stops.is_set():
            try:
                if self.deliver_one():
                    continue
            except (SQLAlchemyError, AccessError) as error:
                # What was sent and could not be marked is sent again.
                LOGGER.error("outbox fails", extra={"fields": {"error": type(error).__name__}})
            except Exception as error:
                LOGGER.error("courier fails", extra={"fields": {"error": type(error).__name__}})
            self._stops.wait(IDLE_SECONDS)
