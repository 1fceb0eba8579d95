"""Errors of the service, and the one shape in which every one of them is answered (RFC 9457).

A problem names the rule and the way out. It never carries a submitted value: those are people's keys,
health and money. Callers branch on `code`, never on a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.problems import PROBLEMS

PROBLEM_TYPE = "application/problem+json"
MOST_ERRORS = 100
"""How many errors of one request are told at once."""


class ServingError(Exception):
    """Anything that an operator's command is refused for."""


class SettingsError(ServingError):
    """A setting that is absent or not of its kind."""


class AccessError(ServingError):
    """A key, a role or an area that cannot be had, or a log of reads that does not hold."""


class StorageError(ServingError):
    """A database that cannot be opened or used."""


class IdentityError(ServingError):
    """Keys of identifiers that cannot be used, or a request about identifiers that cannot be done."""


class RetentionError(ServingError):
    """A time of keeping that may not be."""


class ModelError(ServingError):
    """A model that cannot be put into service, or a change of it that cannot be made."""


@dataclass(frozen=True)
class FieldError:
    """One rule that a request breaks: where (a JSON pointer), which, and the way out. Never the value."""

    pointer: str
    code: str
    way_out: str


class TooManyErrors(Exception):
    """As many errors of one request as are told at once: its reading ends."""


class Problem(Exception):
    """A request that is answered with a problem. `detail` may say more, but never a submitted value."""

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[FieldError] = (),
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = PROBLEMS[code]
        self.errors = tuple(errors[:MOST_ERRORS])
        self.detail = detail or self.kind.detail
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The problem as JSON says it."""
        body: dict[str, Any] = {
            "type": f"urn:fangfan:problem:{self.code}",
            "status": self.kind.status,
            "code": self.code,
            "title": self.kind.title,
            "detail": self.detail,
            "way_out": self.kind.way_out,
        }
        if self.errors:
            body["errors"] = [vars(one) for one in self.errors]
        return body
