"""The service's models: which one is in service by the release log, and how it is loaded from the store.

Without a store there is one bundle, given by its folder, for trying things out; it can be turned off, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine

from features.policy import DEFAULT_REGION
from scoring.bundle import Bundle, load_bundle, read_manifest
from scoring.errors import BundleError
from scoring.signature import check_signature, load_public_keys
from serving.errors import ModelError, SettingsError
from serving.models.store import ModelStore
from serving.settings import Settings
from serving.storage import ReleaseLog, open_database
from serving.storage.releases import InService, Pick

FIXED = Pick("–", "")
"""The one bundle of a service without a store."""


@dataclass(frozen=True)
class ServiceModels:
    """The release log, and where versions lie: in a `store`, or one bundle in the folder `fixed`."""

    log: ReleaseLog
    store: ModelStore | None
    fixed: Path | None
    keys: Sequence[Ed25519PublicKey] = ()

    @classmethod
    def of(cls, settings: Settings, engine: Engine) -> ServiceModels:
        """The models that the settings name.

        Raises `SettingsError` where there is neither folder or both, `BundleError` for keys that are none.
        """
        if (settings.models_dir is None) == (settings.bundle_dir is None):
            raise SettingsError(
                "give FANGFAN_MODELS_DIR, the folder of the model store, or FANGFAN_BUNDLE_DIR, the folder "
                "of one bundle that is not changed while the service runs; not both"
            )
        store = ModelStore(settings.models_dir) if settings.models_dir else None
        keys = load_public_keys(settings.signing_keys) if settings.signing_keys else ()
        return cls(ReleaseLog(engine), store, settings.bundle_dir, keys)

    def state(self) -> InService:
        """What is in service; raises `SQLAlchemyError` where the database does not answer."""
        found = self.log.state()
        return found if self.fixed is None else replace(found, current=FIXED, previous=None)

    def load(self, pick: Pick) -> Bundle:
        """Load a version; raises `BundleError` where it is not what was admitted, or is not signed."""
        # What is in the store was loaded by a child before; a folder that somebody gave was not.
        return load_signed(self.folder(pick), self.keys, pick.sha256 or None)

    def regions(self, state: InService) -> Iterator[str]:
        """Policy regions of what is in service and was before, read without a model; last the usual one."""
        for pick in (state.current, state.previous):
            if pick is not None:
                with suppress(BundleError, OSError):
                    yield read_manifest(self.folder(pick)).region
        yield DEFAULT_REGION

    def folder(self, pick: Pick) -> Path:
        """Where a version lies."""
        if self.fixed is not None:
            return self.fixed
        assert self.store is not None
        return self.store.path(pick.version)


def load_signed(folder: Path, keys: Sequence[Ed25519PublicKey], admitted_sha256: str | None = None) -> Bundle:
    """Load a bundle that one of `keys`, if there are any, has signed; raises `BundleError`."""
    check_signature(folder, keys)
    return load_bundle(folder, admitted_sha256)


def bundle_in_service(
    database_url: str | None = None, signing_keys: Path | None = None
) -> tuple[Bundle, Path]:
    """The bundle in service by the environment's settings, and where it lies; raises `ModelError` for none.

    `database_url` is the database that says which, and `signing_keys` the file of the keys that sign, where
    they are not the settings'.

    For batches, which somebody starts: the switch is for what answers by itself.
    """
    settings = Settings.from_environment(database_url=database_url, signing_keys=signing_keys)
    engine = open_database(settings.database_url, may_make=False)
    try:
        models = ServiceModels.of(settings, engine)
        pick = models.state().current
    finally:
        engine.dispose()
    if pick is None:
        raise ModelError("no model is in service: `python -m serving models use` puts one into it")
    return models.load(pick), models.folder(pick)


class LoadedModel:
    """The bundle in service for a process that does jobs: loaded when another is put into service."""

    def __init__(self, models: ServiceModels) -> None:
        self.models = models
        self._held: tuple[Pick, Bundle] | None = None

    def is_on(self) -> bool:
        """Whether the model is on, and there is one."""
        state = self.models.state()
        return state.is_on and state.current is not None

    def bundle(self) -> Bundle:
        """The bundle; one that cannot be loaded leaves the one before.

        Raises `BundleError` where there is none.
        """
        pick = self.models.state().current
        if pick is None:
            raise BundleError("no model is in service")
        if self._held is None or self._held[0] != pick:
            try:
                self._held = pick, self.models.load(pick)
            except (BundleError, OSError):
                if self._held is None:
                    raise BundleError(f"{pick.version} cannot be loaded") from None
        return self._held[1]
