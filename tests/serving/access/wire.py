"""Requests straight into an application: written once, asked by everybody, answered without a client in between.

There is no jar, so that no cookie of one sender is with another, and nobody asks for compression.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status_code: int
    headers: list[tuple[bytes, bytes]]
    content: bytes

    @cached_property
    def text(self) -> str:
        # Of a workbook, whatever is readable.
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.content)


class Written:
    """One request, whose body is encoded once."""

    def __init__(self, method: str, path: str, more: Mapping[str, Any]) -> None:
        made = httpx.Request(method, f"http://service.test{path}", headers={"Accept": "*/*"}, **more)
        self._body = made.read()
        self._headers = [(name.lower(), value) for name, value in made.headers.raw]
        self._scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": made.url.path, "raw_path": made.url.raw_path.partition(b"?")[0], "query_string": made.url.query,
            "server": ("service.test", None), "client": ("127.0.0.1", 123), "root_path": "",
        }  # fmt: skip

    async def ask(self, app: ASGIApp, headers: Mapping[str, str]) -> Answer:
        """The answer to whoever has these headers; a failure of the service is its 500."""
        own = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        coming: list[Message] = [{"type": "http.request", "body": self._body, "more_body": False}]
        told: list[Message] = []

        async def receive() -> Message:
            return coming.pop() if coming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            told.append(message)

        try:
            await app({**self._scope, "headers": [*self._headers, *own]}, receive, send)
        except Exception:
            # The service logs it, answers and lets the server know.
            if not told:
                raise
        body = b"".join(one.get("body", b"") for one in told[1:])
        return Answer(told[0]["status"], list(told[0]["headers"]), body)
