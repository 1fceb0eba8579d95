"""Desks over stores in a test's folder, and bundles taken in without a trial where the trial is not the point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine

from serving.access import EVERYWHERE, Caller, Role
from serving.app import open_audit
from serving.models.admission import check_copy, copy_files
from serving.models.desk import ModelDesk
from serving.models.service_models import ServiceModels
from serving.models.store import ModelStore
from serving.models.trial import Trial
from serving.settings import Settings
from serving.storage import ReleaseLog, open_database
from serving.storage.audit_actions import Action, Outcome
from serving.storage.releases import Pick

WHO = Caller("operator", Role.ACCOUNTS, EVERYWHERE)
FIRST, SECOND = "test-1", "test-2"


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings of a service whose store lies in a folder."""
    url = f"sqlite:///{folder}/s.db"
    return Settings(None, url, jobs_dir=folder / "jobs", models_dir=folder / "store", **more)


def make_desk(
    settings: Settings, engine: Engine | None = None, keys: Sequence[Ed25519PublicKey] = ()
) -> ModelDesk:
    engine = engine or open_database(settings.database_url)
    assert settings.models_dir is not None
    models = ServiceModels(ReleaseLog(engine), ModelStore(settings.models_dir), None, keys)
    return ModelDesk(models, open_audit(engine, settings), WHO, "tester")


def take_in(desk: ModelDesk, bundle: Path) -> Pick:
    """Take a sound bundle in as an admission does, less the child."""
    with desk.store.admitting() as scratch:
        copy_files(bundle, scratch)
        pick = check_copy(scratch, desk.models.keys)
        desk.store.add(scratch, pick)
    with desk.models.log.writer.begin() as connection:
        desk.audit.append(connection, WHO, Action.MODEL_ADMITTED, [pick.sha256], Outcome.DONE)
    return pick


class Credulous(Trial):
    """A trial that starts no process: for what has nothing to do with its verdict."""

    def try_folder(self, folder: Path) -> tuple[str, str] | None:
        return None
