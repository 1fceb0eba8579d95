"""Connections that may not be held for nothing: heads, bodies and readers that stall are cut off.

The server's own bounds begin where a request is answered. Here those are added that hold before, after and
beside it. They are looked at once a second, so that a request in time pays nothing for them.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import h11
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving import pace
from serving.errors import PROBLEM_TYPE, Problem
from serving.problem_answers import problem_response
from serving.whole_answers import WholeAnswers
from serving.whole_requests import Connection

MOST_CONNECTIONS = 800
"""Of one process; a usual bound on open files is 1,024. Beyond, whoever has waited longest makes room."""
ARRIVAL = "fangfan.arrival"
"""Where the scope of a request has the moment (`time.perf_counter`) at which its last bytes came, and how
many requests the server has taken and not answered."""


class SteadyProtocol(H11Protocol):
    """One connection, which is closed where it stalls: no whole head, the rest of a body that nobody waits
    for, or an answer that is not taken."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        most_bytes = self.config.h11_max_incomplete_event_size
        self.conn: Connection = (
            Connection(h11.SERVER) if most_bytes is None else Connection(h11.SERVER, most_bytes)
        )
        self.since = time.monotonic()
        self._received = 0.0
        self._idle_since: float | None = None
        self._resumed = 0
        self._seen: tuple[object, ...] = (None,)
        app = self.app

        async def stamped(scope: Scope, receive: Receive, send: Send) -> None:
            scope[ARRIVAL] = (self._received, len(self.tasks))
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            scope[pace.WHOLE] = not self.cycle.more_body
            answers = WholeAnswers(self.cycle, self.conn)
            try:
                await app(scope, receive, answers.send)
            finally:
                await answers.end()

        self.app = stamped

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is being answered: the next move is the peer's."""
        return self._is_fresh or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the server has it
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            there = [one for one in self.connections if isinstance(one, SteadyProtocol) and one.is_waiting]
            longest = min(there, key=lambda one: one.since, default=self)
            # It is told of its end later, and the next one must not count it.
            self.connections.discard(longest)
            longest.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received = time.perf_counter()
        self._idle_since = None
        super().data_received(data)

    def on_response_complete(self) -> None:
        """What the server does after an answer, without a timer for each: `check` ends who asks no more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = time.monotonic()
        self.flow.resume_reading()
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.DONE:
            self.conn.start_next_cycle()
            if self.conn.trailing_data[0]:
                self.handle_events()

    def resume_writing(self) -> None:
        self._resumed += 1
        super().resume_writing()

    @property
    def _is_fresh(self) -> bool:
        cycle: object = self.cycle
        return cycle is None

    def check(self, now: float) -> None:
        """Close the connection where it is idle or has stalled; `now` is of `time.monotonic`."""
        idle_since = self._idle_since if self.is_waiting else None
        if idle_since is not None and now - idle_since >= self.timeout_keep_alive:
            self.timeout_keep_alive_handler()
        pending = self.transport.get_write_buffer_size()
        seen: tuple[object, ...] = ()
        if pending:
            seen = (self.cycle, self._resumed, pending // pace.LEAST_BYTES)
        elif self.is_waiting:
            seen = (self.cycle,)
        if not seen or seen != self._seen:
            self._seen, self.since = seen, now
        elif now - self.since >= pace.STALL_SECONDS:
            # An orderly end would wait for the peer once more.
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        answer = problem_response(Problem("request_malformed"))
        headers = [
            ("content-type", PROBLEM_TYPE),
            ("content-length", str(len(answer.body))),
            ("connection", "close"),
        ]
        events = (
            h11.Response(status_code=400, headers=headers),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(one) or b"" for one in events))
        self.transport.close()


class SteadyServer(uvicorn.Server):
    """A server of such connections: its configuration has `SteadyProtocol` as `http`."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = time.monotonic()
            for one in list(self.server_state.connections):
                if isinstance(one, SteadyProtocol):
                    try:
                        one.check(now)
                    except h11.LocalProtocolError:
                        # An orderly end is not to be had; the server goes on.
                        one.transport.abort()
        return await super().on_tick(counter)
