"""Settings of the service, read once from the environment, frozen, and passed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from serving.access.caller import Role
from serving.access.local import Access, is_loopback
from serving.access.origin import Origin
from serving.errors import SettingsError
from serving.webhooks.address import Networks

PREFIX = "FANGFAN_"


_MAY_BE_NOTHING = {
    "port",
    "workers",
    "lookup_seconds",
    "password_days",
    "drain_notice_seconds",
    "max_waiting",
}


@dataclass(frozen=True)
class Settings:
    """Everything about one service that differs between places.

    `bundle_dir` is the folder of one model bundle, which is not changed while the service runs; `models_dir`,
    instead of it, the folder of the model store, whose version in service the release log names.
    `signing_keys` is a file of public keys, one of which must then have signed every bundle; `registry_uri`
    the MLflow registry that is asked for its champion at start, for `registry_seconds` at most.
    `database_url` is a ``sqlite:///`` or ``postgresql://`` address; `max_body_bytes` and `max_households`
    bound one scoring request, `body_seconds` how long its body may take to arrive. Of large requests one
    process works on `max_at_once` and lets `max_waiting` wait; it holds `max_held_bytes` of bodies.
    `jobs_dir` is the folder for files of jobs, beside a SQLite file if not given; `workers` is how many
    processes the service starts for jobs, `max_jobs` how many may be open at once, and
    `max_jobs_per_caller` how many of these one caller may have sent.
    `max_upload_bytes` and `upload_seconds` bound the files of one job, `job_hours` its life until it is done,
    `job_days` how long its result is kept. For `lookup_seconds` a request may be answered with what the
    database had of its village before; 0 asks it every time. `access` says whether callers need keys (`open`
    on a loopback address alone); `audit_key_file` has the secret of the audit log, beside `jobs_dir` if not
    given. `public_origin` is the address that browsers have for the console, without which people sign in on
    this machine alone; a session ends when it was idle for `idle_minutes` or `session_hours` after it began.
    A password is changed every `password_days` (0: never), and `second_factor_roles` sign in with a code as
    well. `tokens_file` says whose tokens machines may send. `identity_keys_file` is the key ring of
    identities and `identity_key_store` the database of households' own keys, both beside `jobs_dir` if not
    given; without the file no identities are kept. `reveals_per_hour` and `lookups_per_hour` bound what one
    key may reveal and look up. `signals_dir` is the folder of stored signals, for scores of stored
    households, replays and the age of every feed in the metrics; `kept_models_dir` the folder where every
    model whose assessments are stored is kept, for a service without a store. `webhook_networks` are the
    private networks that webhooks may go to, such as ``10.1.0.0/16,127.0.0.1/32``; public addresses need
    none. When the service is to end, it says so for `drain_notice_seconds` while it still takes requests, and
    gives those in flight `drain_seconds` more. `metrics_dir` is the folder in which the services of one
    machine count together. `map_file` is the GeoJSON file of the areas on the manager's map, and of what
    lists call them; `demo` says on every page that households and accounts are invented.
    """

    bundle_dir: Path | None
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 2_000_000
    max_households: int = 1_000
    body_seconds: int = 30
    max_at_once: int = 1
    max_waiting: int = 16
    max_held_bytes: int = 64_000_000
    jobs_dir: Path | None = None
    workers: int = 1
    max_jobs: int = 20
    max_jobs_per_caller: int = 10
    max_upload_bytes: int = 256_000_000
    upload_seconds: int = 600
    job_hours: int = 6
    job_days: int = 7
    lookup_seconds: int = 5
    access: Access = Access.KEYS
    audit_key_file: Path | None = None
    public_origin: str | None = None
    idle_minutes: int = 30
    session_hours: int = 12
    password_days: int = 90
    second_factor_roles: tuple[Role, ...] = ()
    tokens_file: Path | None = None
    identity_keys_file: Path | None = None
    identity_key_store: str | None = None
    reveals_per_hour: int = 30
    lookups_per_hour: int = 1_000
    signals_dir: Path | None = None
    kept_models_dir: Path | None = None
    webhook_networks: str = ""
    models_dir: Path | None = None
    signing_keys: Path | None = None
    registry_uri: str | None = None
    registry_seconds: int = 15
    drain_notice_seconds: int = 0
    drain_seconds: int = 10
    metrics_dir: Path | None = None
    map_file: Path | None = None
    demo: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"{PREFIX}PORT: give a port from 0 to 65535")
        if self.access is Access.OPEN and not is_loopback(self.host):
            raise SettingsError(
                f"{PREFIX}ACCESS=open shows every household to whoever reaches the service, and is for "
                f"127.0.0.1 alone: take {PREFIX}ACCESS=keys to listen elsewhere"
            )
        Origin(self.public_origin)
        Networks.read(self.webhook_networks)
        for field in fields(self):
            least = 0 if field.name in _MAY_BE_NOTHING else 1
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
        return self.audit_key_file or self._beside("audit-key")

    @property
    def identity_keys_path(self) -> Path:
        """The file of the key ring; identities are kept where it is there."""
        return self.identity_keys_file or self._beside("identity-keys")

    @property
    def identity_store_url(self) -> str:
        """The database of households' own keys."""
        return self.identity_key_store or f"sqlite:///{self._beside('identity-keys.db')}"

    @property
    def kept_models_path(self) -> Path | None:
        """The folder of every model whose assessments are stored: the store keeps them, if there is one."""
        return self.kept_models_dir or self.models_dir

    @property
    def bundle_folders(self) -> list[Path]:
        """The folders that hold a bundle, or bundles by version."""
        return [one for one in (self.models_dir, self.bundle_dir, self.kept_models_dir) if one is not None]

    def _beside(self, ending: str) -> Path:
        return self.jobs_folder.with_name(f"{self.jobs_folder.name}.{ending}")

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads the same settings.

        What is not set is empty there, so that it is not taken from this process's own environment.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"{PREFIX}{name.upper()}": _written(value) for name, value in values.items()}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from ``FANGFAN_*`` variables; what is `given` and not `None` comes before them.

        Raises `SettingsError` naming the variable that is absent or not of its kind.
        """
        values = _read(os.environ if environment is None else environment, given)
        # What a command says comes before what the environment says of the other one.
        for name, other in (("bundle_dir", "models_dir"), ("models_dir", "bundle_dir")):
            if given.get(name) is not None and given.get(other) is None:
                values.pop(other, None)
        if "models_dir" in values:
            values.setdefault("bundle_dir", None)
        for name, way_out in _WAYS_OUT.items():
            if name not in values:
                raise SettingsError(way_out)
        return cls(**values)

    @classmethod
    def of_command(cls, database_url: str, **given: Any) -> Settings:
        """Settings of a command about a database: where the service keeps things, from its variables.

        No model has to be named, and how the service is reached and bounded is no matter of a command's. What
        is `given` and not `None` comes first. Raises `SettingsError`.
        """
        values = _read(os.environ, given, _PLACES)
        return cls(**{"bundle_dir": None, **values, "database_url": database_url})


_PLACES = (
    "bundle_dir", "models_dir", "kept_models_dir", "signing_keys", "jobs_dir", "audit_key_file",
    "identity_keys_file", "identity_key_store",
)  # fmt: skip


def _read(
    environment: Mapping[str, str], given: Mapping[str, Any], names: Sequence[str] | None = None
) -> dict[str, Any]:
    """What is given, and what the environment says of the other settings (or of those of the `names`)."""
    values = {name: value for name, value in given.items() if value is not None}
    for field in fields(Settings):
        variable = f"{PREFIX}{field.name.upper()}"
        if field.name in values or not environment.get(variable) or (names and field.name not in names):
            continue
        values[field.name] = _READERS[str(field.type)](variable, environment[variable])
    return values


def _written(value: Any) -> str:
    """A setting as its variable has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _whole(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise SettingsError(f"{variable}: give a whole number")
    return int(text)


def _flag(variable: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise SettingsError(f"{variable}: give 1 or 0")
    return text == "1"


def _access(variable: str, text: str) -> Access:
    try:
        return Access(text)
    except ValueError:
        raise SettingsError(f"{variable}: give {' or '.join(Access)}") from None


def _roles(variable: str, text: str) -> tuple[Role, ...]:
    names = [one.strip() for one in text.split(",")]
    if any(one not in list(Role) for one in names):
        raise SettingsError(f"{variable}: give roles with commas between them, of {', '.join(Role)}")
    return tuple(Role(one) for one in names)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "int": _whole,
    "bool": _flag,
    "str": lambda _, text: text,
    "Path": lambda _, text: Path(text),
    "Path | None": lambda _, text: Path(text),
    "str | None": lambda _, text: text,
    "Access": _access,
    "tuple[Role, ...]": _roles,
}
_WAYS_OUT = {
    "bundle_dir": "no model is named: give the folder of the model store "
    f"(`run --models`, {PREFIX}MODELS_DIR), or that of one bundle, as `python -m serving pull` writes it "
    f"(`run --bundle`, {PREFIX}BUNDLE_DIR)",
    "database_url": f"no database is named: give its address (`run --database`, {PREFIX}DATABASE_URL), "
    "such as sqlite:////var/lib/fangfan/scores.db",
}
