"""Ending without losing a request: it is said, then nothing new is taken, then what is open is answered."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from serving.connections import SteadyServer

LOGGER = logging.getLogger("fangfan.serving")

READINESS = frozenset({"/health/ready", "/v2/health/ready", "/ping"})
"""Addresses that say whether requests are to be sent here."""
SPARE_SECONDS = 12.0
"""How long everything else may take to end after the requests did: workers put their jobs back."""


class Drain:
    """Whether the service is ending. Threads may share it."""

    def __init__(self) -> None:
        self._begun = threading.Event()

    @property
    def is_begun(self) -> bool:
        """Whether readiness is to say so, and connections are to be closed with their next answer."""
        return self._begun.is_set()

    def begin(self) -> None:
        """From now on the service is ending."""
        self._begun.set()


class DrainingServer(SteadyServer):
    """The server, which is told to end by SIGTERM or SIGINT.

    For `notice_seconds` requests are still taken while readiness says `draining`, so that whoever distributes
    them stops sending; then the listener is closed and what is open has the configuration's
    `timeout_graceful_shutdown`. The second signal ends the process at once, as does a request that still does
    not end. `ending` is called when the first comes.
    """

    def __init__(
        self, config: uvicorn.Config, drain: Drain, notice_seconds: float, ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.drain = drain
        self.notice_seconds = notice_seconds
        self.ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.drain.is_begun:
            os._exit(128 + sig)
        self.drain.begin()
        # A handler may run while the log's lock is held; a thread waits for it.
        threading.Thread(target=self._end, name="drain", daemon=True).start()

    def _end(self) -> None:
        allowed = self.notice_seconds + float(self.config.timeout_graceful_shutdown or 0)
        LOGGER.info("draining", extra={"fields": {"seconds": allowed}})
        overdue = threading.Timer(allowed + SPARE_SECONDS, self._cut)
        overdue.daemon = True
        overdue.start()
        threading.Thread(target=self.ending, name="ending", daemon=True).start()
        threading.Event().wait(self.notice_seconds)
        self.should_exit = True

    def _cut(self) -> None:
        # A thread that does not come back would keep the process for good.
        LOGGER.error("drain overdue", extra={"fields": {"requests": len(self.server_state.tasks)}})
        os._exit(128 + signal.SIGTERM)
