"""Settings of the service, read once from the environment, frozen, and passed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from serving.access.local import Access, is_loopback
from serving.errors import SettingsError

PREFIX = "FANGFAN_"


@dataclass(frozen=True)
class Settings:
    """Everything about one service that differs between places.

    `bundle_dir` is the folder of the model bundle, `database_url` a ``sqlite:///`` or ``postgresql://``
    address; `max_body_bytes` and `max_households` bound one scoring request, `body_seconds` how long its body
    may take to arrive. `jobs_dir` is the folder for files of jobs, beside a SQLite file if not given;
    `workers` is how many processes the service starts for jobs, `max_jobs` how many may be open at once.
    `max_upload_bytes` and `upload_seconds` bound the files of one job, `job_hours` its life until it is done,
    `job_days` how long its result is kept. For `lookup_seconds` a request may be answered with what the
    database had of its village before; 0 asks it every time. `access` says whether callers need keys (`open`
    on a loopback address alone); `audit_key_file` has the secret of the audit log, beside `jobs_dir` if not
    given. When the service is to end, it says so for `drain_notice_seconds` while it still takes requests,
    and gives those in flight `drain_seconds` more. `metrics_dir` is the folder in which the services of one
    machine count together; `signals_dir` the one that intake wrote, for the age of every feed in the metrics.
    """

    bundle_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 2_000_000
    max_households: int = 1_000
    body_seconds: int = 30
    jobs_dir: Path | None = None
    workers: int = 1
    max_jobs: int = 20
    max_upload_bytes: int = 256_000_000
    upload_seconds: int = 600
    job_hours: int = 6
    job_days: int = 7
    lookup_seconds: int = 5
    access: Access = Access.KEYS
    audit_key_file: Path | None = None
    drain_notice_seconds: int = 0
    drain_seconds: int = 10
    metrics_dir: Path | None = None
    signals_dir: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"{PREFIX}PORT: give a port from 0 to 65535")
        if self.access is Access.OPEN and not is_loopback(self.host):
            raise SettingsError(
                f"{PREFIX}ACCESS=open shows every household to whoever reaches the service, and is for "
                f"127.0.0.1 alone: take {PREFIX}ACCESS=keys to listen elsewhere"
            )
        for field in fields(self):
            least = 0 if field.name in {"port", "workers", "lookup_seconds", "drain_notice_seconds"} else 1
            if field.type == "int" and getattr(self, field.name) < least:
                raise SettingsError(f"{PREFIX}{field.name.upper()}: give a whole number from {least} on")

    @property
    def jobs_folder(self) -> Path:
        """The folder for files of jobs; raises `SettingsError` where none was given and none is obvious."""
        if self.jobs_dir is not None:
            return self.jobs_dir
        if not self.database_url.startswith("sqlite:"):
            raise SettingsError(
                f"{PREFIX}JOBS_DIR is not set: with a database server, give a folder that the service and "
                "all of its workers share"
            )
        return Path(f"{self.database_url.partition('///')[2]}.jobs")

    @property
    def audit_key_path(self) -> Path:
        """The file of the audit log's secret."""
        return self.audit_key_file or self.jobs_folder.with_name(f"{self.jobs_folder.name}.audit-key")

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads the same settings."""
        return {
            f"{PREFIX}{field.name.upper()}": str(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) is not None
        }

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


def _access(variable: str, text: str) -> Access:
    try:
        return Access(text)
    except ValueError:
        raise SettingsError(f"{variable}: give {' or '.join(Access)}") from None


_READERS: dict[str, Callable[[str, str], Any]] = {
    "int": _whole,
    "str": lambda _, text: text,
    "Path": lambda _, text: Path(text),
    "Path | None": lambda _, text: Path(text),
    "Access": _access,
}
_WAYS_OUT = {
    "bundle_dir": "give the folder of a model bundle, as `python -m serving pull` writes it",
    "database_url": "give the database of the assessments, such as sqlite:////var/lib/fangfan/scores.db",
}
