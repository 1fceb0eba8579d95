"""The desk: what an operator does with models, each of it named, reasoned and in the audit log."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.bundle import read_files
from scoring.errors import ScoringError
from serving.access.caller import Caller
from serving.errors import ModelError
from serving.models.admission import AdmissionRefused, Tell, admit_bundle, check_copy
from serving.models.registry import BUNDLE_REFUSED, RegistryRefused, fetch
from serving.models.service_models import ServiceModels
from serving.models.store import ModelStore
from serving.models.trial import Trial, TrialLimits
from serving.storage import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.releases import Pick, Release


def current_user() -> str:
    """The name of the user of this process, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@dataclass(frozen=True)
class ModelDesk:
    """Changes the models of one service. The audit log names the `caller`, the release log `by`."""

    models: ServiceModels
    audit: AuditLog
    caller: Caller
    by: str
    limits: TrialLimits | None = None
    tell: Tell = lambda step: None

    @property
    def store(self) -> ModelStore:
        """The store; raises `ModelError` where the service has none."""
        if self.models.store is None:
            raise ModelError("the service has one bundle and no model store: set FANGFAN_MODELS_DIR")
        return self.models.store

    def admit(self, source: Path) -> Pick:
        """Check a bundle and take it into the store; raises `AdmissionRefused`."""
        if not source.is_dir():
            raise ModelError("there is no such folder: give the folder that holds manifest.json")
        with Trial(self.limits) as trial:
            pick = admit_bundle(self.store, source, self.models.keys, trial, self.tell)
        self._note_admission(pick)
        return pick

    def use(self, version: str, why: str) -> Release:
        """Put an admitted version into service, after its files are checked; raises `ModelError`."""
        state = self.models.state()
        pick = self._admitted(version)
        return self.models.log.use(pick, self.audit, self.caller, self.by, why, after=state.number)

    def rollback(self, why: str) -> Release:
        """Put the version before into service again, after its files are checked; raises `ModelError`."""
        state = self.models.state()
        if state.previous is not None and self._sound(state.previous.version) != state.previous:
            raise ModelError(f"{state.previous.version} is not the bundle that was in service")
        return self.models.log.rollback(self.audit, self.caller, self.by, why, after=state.number)

    def switch(self, why: str, *, is_on: bool) -> Release:
        """Turn the model off or on; raises `ModelError` where it is so already."""
        return self.models.log.switch(self.audit, self.caller, self.by, why, is_on=is_on)

    def fetch(self, uri: str, alias: str, seconds: float, why: str) -> tuple[Pick, Release | None]:
        """Fetch the registry's version, admit it and put it into service.

        One that was in service here before is left alone: whoever went away from it had a reason, and says
        `use`. Raises `RegistryRefused`; what is in service stays in service.
        """
        state = self.models.state()
        known = {sha256: version for version, sha256 in self._known()}
        with self.store.fetching() as target:
            self.tell("registry")
            found = fetch(uri, alias, target, frozenset(known), seconds)
            try:
                if found.folder is not None:
                    pick = self.admit(found.folder)
                else:
                    pick = Pick(known[found.manifest_sha256], found.manifest_sha256)
                    if not self.models.log.was_in_service(pick):
                        self._admitted(pick.version)
            except AdmissionRefused as refused:
                raise RegistryRefused(BUNDLE_REFUSED, str(refused)) from None
        if pick == state.current or self.models.log.was_in_service(pick):
            return pick, None
        return pick, self.models.log.use(
            pick, self.audit, self.caller, self.by, why, after=self.models.state().number
        )

    def verify(self, is_tried: bool, progress: Callable[[int, int], None]) -> list[str]:
        """What is wrong with the store and the release log; with `is_tried` a child loads every version."""
        faults = self.models.log.verify(self.audit)
        versions = self.store.versions()
        with Trial(self.limits) as trial:
            for done, version in enumerate(versions):
                progress(done, len(versions))
                try:
                    pick = check_copy(self.store.path(version), self.models.keys)
                except AdmissionRefused as refused:
                    faults.append(f"{version}: {refused}")
                    continue
                if pick.version != version:
                    faults.append(f"{version}: holds another version")
                refused_by_trial = trial.try_folder(self.store.path(version)) if is_tried else None
                if refused_by_trial is not None:
                    faults.append(f"{version}: {refused_by_trial[1]}")
        state = self.models.state()
        there = set(self._known())
        for name, wanted in (("in service", state.current), ("before it", state.previous)):
            if wanted is not None and (wanted.version, wanted.sha256) not in there:
                faults.append(f"{wanted.version} ({name}) is not in the store as it was admitted")
        return faults

    def _known(self) -> Sequence[tuple[str, str]]:
        """Versions of the store whose files are sound, with the hash of their manifest."""
        found = []
        for version in self.store.versions():
            try:
                found.append((version, read_files(self.store.path(version)).sha256))
            except ScoringError:
                continue
        return found

    def _sound(self, version: str) -> Pick:
        """A version of the store whose files and signature are as they should be."""
        if version not in self.store.versions():
            raise ModelError(f"{version} was not admitted: `models admit` takes a bundle's folder")
        pick = check_copy(self.store.path(version), self.models.keys)
        if pick.version != version:
            raise ModelError(f"the folder of {version} holds another version")
        return pick

    def _admitted(self, version: str) -> Pick:
        """The same; one whose admission is not in the audit log is tried in a child again."""
        pick = self._sound(version)
        if not self.audit.search(action=Action.MODEL_ADMITTED, subject=pick.sha256, limit=1):
            self._try(pick)
            self._note_admission(pick)
        return pick

    def _try(self, pick: Pick) -> None:
        self.tell("trial")
        with Trial(self.limits) as trial:
            refused = trial.try_folder(self.store.path(pick.version))
        if refused is not None:
            raise AdmissionRefused(*refused)

    def _note_admission(self, pick: Pick) -> None:
        with self.models.log.writer.begin() as connection:
            self.audit.append(connection, self.caller, Action.MODEL_ADMITTED, [pick.sha256], Outcome.DONE)
