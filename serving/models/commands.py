"""Commands of whoever answers for the model: admit, use, roll back, turn off. Each names who and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.screen import show_table
from serving.command import (
    OPERATOR,
    AsJson,
    AuditKeyFile,
    DatabaseOption,
    RegistryOption,
    RegistrySeconds,
    SigningKeys,
    opened_log,
)
from serving.models.own_words import REGISTRY_CHAMPION

if TYPE_CHECKING:
    from serving.models.desk import ModelDesk
    from serving.models.service_models import ServiceModels
    from serving.storage import AuditLog
    from serving.storage.releases import Release

CHAMPION = "champion"

models = typer.Typer(
    name="models",
    help="The model in service: admit a bundle, use it, roll back, turn the model off and on, check.",
    no_args_is_help=True,
)
errors = Console(stderr=True)

ModelsOption = Annotated[
    Path | None, typer.Option("--models", envvar="FANGFAN_MODELS_DIR", help="Folder of the model store")
]
WhyOption = Annotated[str, typer.Option(help="The reason; kept in the release log and told to every caller")]
ByOption = Annotated[str, typer.Option(help="Who does it, such as an office; this machine's user if empty")]


@models.command("list")
def list_models(
    database: DatabaseOption,
    models_dir: ModelsOption = None,
    as_json: AsJson = False,
) -> None:
    """List the admitted versions, what is in service, and the latest releases."""
    from scoring.bundle import read_manifest
    from scoring.errors import ScoringError

    with _log(database, models_dir) as service:
        state, releases = service.state(), service.log.page(20)
        versions: list[dict[str, Any]] = []
        for name in service.store.versions() if service.store else []:
            try:
                manifest = read_manifest(service.store.path(name)) if service.store else None
                created, auc = (
                    (manifest.created_at, manifest.metrics.get("roc_auc")) if manifest else ("", None)
                )
            except ScoringError:
                created, auc = "", None
            role = {
                name == (state.previous.version if state.previous else None): "previous",
                name == (state.current.version if state.current else None): "in service",
            }.get(True)
            versions.append({"version": name, "created_at": created, "roc_auc": auc, "role": role})
    if as_json:
        told = {
            "state": "on" if state.is_on else "off", "versions": versions,
            "current": state.current.version if state.current else None,
            "previous": state.previous.version if state.previous else None,
            "releases": [one.as_json() for one in releases],
        }  # fmt: skip
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"The model is {'on' if state.is_on else 'off'}.")
    show_table(_table(("version", "created_at", "roc_auc", "role"), versions))
    show_table(_table(("number", "at", "by", "action", "from_version", "to_version", "why"),
                      [one.as_json() for one in releases]))  # fmt: skip


@models.command()
def admit(
    folder: Annotated[Path, typer.Argument(help="Folder of a bundle, as training writes it")],
    database: DatabaseOption,
    models_dir: ModelsOption = None,
    is_used: Annotated[bool, typer.Option("--use", help="Put it into service as well; needs --why")] = False,
    why: Annotated[str, typer.Option(help="The reason, with --use")] = "",
    by: ByOption = "",
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle (files, hashes, signature, a trial in a child process) and take it into the store."""
    from serving.errors import ModelError

    if is_used and not why:
        raise ModelError("--use needs --why: the reason is kept")
    with _desk(database, models_dir, signing_keys, audit_key_file, by) as desk:
        pick = desk.admit(folder)
        release = None
        if is_used and desk.models.state().current != pick:
            release = desk.use(pick.version, why)
    if as_json:
        told = {"version": pick.version, "manifest_sha256": pick.sha256,
                "release": release.as_json() if release else None}  # fmt: skip
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(f"{pick.version} is admitted, every check passed" + (_said(release) if release else ""))


@models.command()
def use(
    version: Annotated[str, typer.Argument(help="An admitted version, as `models list` shows it")],
    database: DatabaseOption,
    why: WhyOption,
    by: ByOption = "",
    models_dir: ModelsOption = None,
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Put an admitted version into service. Running services load it beside the one before, then change."""
    with _desk(database, models_dir, signing_keys, audit_key_file, by) as desk:
        _tell(desk.use(version, why), as_json)


@models.command()
def rollback(
    database: DatabaseOption,
    why: WhyOption,
    by: ByOption = "",
    models_dir: ModelsOption = None,
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Put the version before this one into service again; each further rollback goes one further back."""
    with _desk(database, models_dir, signing_keys, audit_key_file, by) as desk:
        _tell(desk.rollback(why), as_json)


@models.command()
def off(
    database: DatabaseOption,
    why: WhyOption,
    by: ByOption = "",
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn the model off, for every process within a second: rules alone answer, jobs wait."""
    with _desk(database, None, None, audit_key_file, by) as desk:
        _tell(desk.switch(why, is_on=False), as_json)


@models.command()
def on(
    database: DatabaseOption,
    why: WhyOption,
    by: ByOption = "",
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn the model on again."""
    with _desk(database, None, None, audit_key_file, by) as desk:
        _tell(desk.switch(why, is_on=True), as_json)


@models.command()
def verify(
    database: DatabaseOption,
    models_dir: ModelsOption = None,
    is_tried: Annotated[bool, typer.Option("--load", help="Load and prove every version in a child")] = False,
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Check every version's files and signature, and the release log. Exit code 1 tells of a fault."""
    with (
        errors.status("checking", spinner="line") as status,
        _desk(database, models_dir, signing_keys, audit_key_file, "") as desk,
    ):
        faults = desk.verify(is_tried, lambda done, total: status.update(f"version {done + 1} of {total}"))
        count = len(desk.store.versions())
    if as_json:
        print(json.dumps({"versions": count, "faults": faults}, ensure_ascii=False))
    else:
        print(f"{count} versions: {len(faults) or 'no'} faults")
        for one in faults:
            print(f"- {one}")
    if faults:
        raise typer.Exit(1)


@models.command()
def fetch(
    database: DatabaseOption,
    registry: RegistryOption,
    models_dir: ModelsOption = None,
    alias: Annotated[str, typer.Option(help="Which version of the registry")] = CHAMPION,
    seconds: RegistrySeconds = 15,
    why: Annotated[str, typer.Option(help="The reason; kept in the release log")] = REGISTRY_CHAMPION,
    by: ByOption = "",
    signing_keys: SigningKeys = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the registry's champion, admit it and put it into service, unless it was in service here before.

    Where anything fails, what is in service stays; exit code 2.
    """
    from serving.models.registry import RegistryRefused

    with _desk(database, models_dir, signing_keys, audit_key_file, by) as desk:
        try:
            pick, release = desk.fetch(registry, alias, float(seconds), why)
        except RegistryRefused as refused:
            if not as_json:
                raise
            print(json.dumps({"code": refused.code, "says": str(refused)}, ensure_ascii=False))
            raise typer.Exit(2) from None
    if as_json:
        told = {"code": None, "version": pick.version, "release": release.as_json() if release else None}
        print(json.dumps(told, ensure_ascii=False))
    elif release is None:
        print(f"{alias}: {pick.version} is here already, and was put into service before; nothing is changed")
    else:
        print(f"{alias}: {pick.version} is admitted{_said(release)}")


def _said(release: Release) -> str:
    return f", and in service in place of {release.from_version or 'none'}"


def _tell(release: Release, as_json: bool) -> None:
    if as_json:
        print(json.dumps(release.as_json(), ensure_ascii=False))
        return
    version = release.to_version or "the one bundle"
    was = f" (before: {release.from_version})" if release.from_version != release.to_version else ""
    state = "on" if release.is_on else "off: rules alone answer, jobs wait"
    print(f"release {release.seq}: {version} is in service{was}; the model is {state}")


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(*columns)
    for row in rows:
        table.add_row(*("–" if row[name] in (None, "") else str(row[name]) for name in columns))
    return table


@contextmanager
def _opened(
    database: str,
    models_dir: Path | None,
    signing_keys: Path | None,
    audit_key_file: Path | None,
) -> Iterator[tuple[ServiceModels, AuditLog]]:
    from scoring.signature import load_public_keys
    from serving.models.service_models import ServiceModels
    from serving.models.store import ModelStore
    from serving.settings import Settings
    from serving.storage import ReleaseLog

    keys = load_public_keys(signing_keys) if signing_keys else ()
    store = ModelStore(models_dir) if models_dir else None
    settings = Settings.of_command(database, audit_key_file=audit_key_file)
    with opened_log(settings) as (kept, audit):
        yield ServiceModels(ReleaseLog(kept.engine), store, None, keys), audit


@contextmanager
def _log(database: str, models_dir: Path | None) -> Iterator[ServiceModels]:
    with _opened(database, models_dir, None, None) as (service, _):
        yield service


@contextmanager
def _desk(
    database: str,
    models_dir: Path | None,
    signing_keys: Path | None,
    audit_key_file: Path | None,
    by: str,
) -> Iterator[ModelDesk]:
    """A desk that tells on a terminal what it is at."""
    from serving.models.desk import ModelDesk, current_user

    steps = {"registry": "asking the registry", "files": "checking the files",
             "trial": "loading and proving it in a child process", "store": "taking it in"}  # fmt: skip
    with _opened(database, models_dir, signing_keys, audit_key_file) as (service, audit):
        tell = (
            (lambda step: errors.print(steps[step], style="dim")) if errors.is_terminal else lambda step: None
        )
        yield ModelDesk(service, audit, OPERATOR, by or current_user(), tell=tell)
