"""Settings of the service, read once from the environment, frozen, and passed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from serving.errors import SettingsError

PREFIX = "FANGFAN_"


@dataclass(frozen=True)
class Settings:
    """Everything about one service that differs between places.

    `bundle_dir` is the folder of the model bundle, `database_url` a ``sqlite:///`` or ``postgresql://``
    address;
    `max_body_bytes` and `max_households` bound one scoring request, `body_seconds` how long its body may
    take to arrive.
    """

    bundle_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 2_000_000
    max_households: int = 1_000
    body_seconds: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"{PREFIX}PORT: give a port from 0 to 65535")
        for name in ("max_body_bytes", "max_households", "body_seconds"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{PREFIX}{name.upper()}: give a whole number from 1 on")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from ``FANGFAN_*`` variables; what is `given` and not `None` comes before them.

        Raises `SettingsError` naming the variable that is absent or not of its kind.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for field in fields(cls):
            variable = f"{PREFIX}{field.name.upper()}"
            if field.name in values or not environment.get(variable):
                continue
            values[field.name] = _READERS[str(field.type)](variable, environment[variable])
        for name in ("bundle_dir", "database_url"):
            if name not in values:
                raise SettingsError(f"{PREFIX}{name.upper()} is not set: {_WAYS_OUT[name]}")
        return cls(**values)


def _whole(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise SettingsError(f"{variable}: give a whole number")
    return int(text)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "int": _whole,
    "str": lambda _, text: text,
    "Path": lambda _, text: Path(text),
}
_WAYS_OUT = {
    "bundle_dir": "give the folder of a model bundle, as `python -m serving pull` writes it",
    "database_url": "give the database of the assessments, such as sqlite:////var/lib/fangfan/scores.db",
}
