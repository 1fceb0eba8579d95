"""Whoever plants canaries: counts what was sent, and keeps what was answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from serving.access import Role
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.identity.canaries import CANARIES, Canary, Everything

HERE = "500999100201"
VALUES = tuple(value for one in CANARIES for value in one.values)


class Planter:
    """A service that is watched: what is sent is counted, what is answered is kept."""

    def __init__(self, client: Client, settings: Settings, log: Everything, root: Path) -> None:
        self.client, self.settings, self.log, self.root = client, settings, log, root
        self.platform = client.headers
        self.helper = client.make_key(Role.HELPER, HERE)
        self.answers: list[tuple[str, bytes]] = []
        self.planted: set[str] = set()
        self.sent = 0
        self._at = 0

    def next(self) -> Canary:
        self._at += 1
        return CANARIES[self._at % len(CANARIES)]

    def send(self, method: str, url: str, *, may_show: bool = False, **given: Any) -> httpx.Response:
        """Send a request; what it is answered must have nobody in it unless it `may_show`."""
        headers = {**self.platform, **given.pop("headers", {})}
        answer = self.client.request(method, url, headers=headers, **given)
        said = repr((url, given, headers))
        self.planted |= {
            one for one in VALUES if one in said or one.encode("unicode_escape").decode() in said
        }
        self.sent += 1
        if not may_show:
            told = repr(sorted(answer.headers.items())).encode()
            # Which route it was, without what was put into it.
            kind = url.partition("?")[0].strip("/").split("/")[0]
            self.answers.append((
                f"{method} {answer.status_code} of {kind}, number {self.sent}",
                answer.content + told,
            ))
        return answer


def person_of(one: Canary, person_id: str = "head") -> dict[str, str]:
    return {
        "person_id": person_id,
        "name": one.name,
        "id_number": one.id_number,
        "phone": one.phone,
        "address": one.address,
    }
