"""The model in service: loaded beside the one before by a thread, asked by every scoring request.

Another model takes over by one assignment: a request keeps the scorer that it took, so that its answer is
wholly of one version. What cannot be loaded leaves the former one answering, and readiness says so.
The one that a rollback goes to is held ready, so that it answers again without being loaded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from features.errors import FeaturesError
from scoring import Bundle, ScoringError
from serving.errors import Problem
from serving.models.service_models import FIXED, ServiceModels
from serving.rules_scorer import RulesScorer
from serving.scorer import Scorer
from serving.storage.releases import InService, Pick

LOGGER = logging.getLogger("fangfan.serving")
LOOK_SECONDS = 0.5
"""How often the release log is looked at."""
RETRY_SECONDS = 30.0
"""How long a version that could not be loaded is left alone."""

STOP_SECONDS = 2.0

OFF, LOAD_FAILED = "model_off", "model_load_failed"
"""Codes of what readiness says beside those of `models.registry`."""


@dataclass(frozen=True)
class _Failure:
    reason: str
    again_at: float


class Champion:
    """Follows the release log. `start` returns at once; reading a model takes seconds."""

    def __init__(self, models: ServiceModels, now: Callable[[], float] = time.monotonic) -> None:
        self.models = models
        self.after_loading: Callable[[], None] = lambda: None
        """Called with every model that was loaded, before it answers."""
        self._now = now
        self._state = InService()
        self._serving: tuple[Pick, Scorer] | None = None
        self._held: dict[Pick, Scorer] = {}
        self._stood_by = 0
        self._rules: RulesScorer | None = None
        self._failures: dict[Pick, _Failure] = {}
        self._registry: str | None = None
        self._settled = threading.Event()
        self._stops = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow the log in a thread of its own, until `stop`."""
        self._stops.clear()
        self._thread = threading.Thread(target=self._follow, name="follow-releases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow it no longer; a model that is being loaded is not waited for to the end."""
        self._stops.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def look(self) -> None:
        """Look at the log once, and load what it says."""
        try:
            state = self.models.state()
        except SQLAlchemyError as error:
            # What is loaded goes on answering; the storage says for itself that it does not.
            LOGGER.error("releases cannot be read", extra={"fields": {"error": type(error).__name__}})
            return
        if not state.is_on and (self._rules is None or self._state.current != state.current):
            self._rules = self._make_rules(state)
        if state.is_on != self._state.is_on:
            LOGGER.warning("model on" if state.is_on else "model off", extra={"fields": {}})
        self._state = state
        self._let_go(state.current, state.previous, self._serving and self._serving[0])
        # At the start the one before is better than none; later the one that answers is.
        for pick in (state.current, state.previous):
            if pick is None or self._put_in(pick) or self._serving is not None:
                return

    def stand_by(self) -> None:
        """Load what a rollback would go to, unless it is held: once a change, whether that goes well or not.

        Not before the version in service answers: until then there is something better to load.
        """
        state = self._state
        if self._stood_by == state.number or self._serving is None or self._serving[0] != state.current:
            return
        self._stood_by = state.number
        self._let_go(state.current, state.previous)
        if state.previous is not None and state.previous not in self._held:
            self._load(state.previous)

    def wait(self, seconds: float) -> bool:
        """Wait until the log was looked at, and its model loaded or not; whether it was."""
        return self._settled.wait(seconds)

    def scorer(self) -> Scorer:
        """The scorer; raises `Problem` while there is none, and while the model is off."""
        if not self._state.is_on:
            raise Problem(OFF)
        return self._loaded()

    def rules(self) -> RulesScorer | None:
        """What answers while the model is off; `None` while it is on."""
        return None if self._state.is_on else self._rules

    def region(self) -> str:
        """The policy region in service; raises `Problem` while nothing says which."""
        rules = self.rules()
        return rules.region if rules is not None else self._loaded().region

    @property
    def is_off(self) -> bool:
        """Whether the model was turned off."""
        return not self._state.is_on

    @property
    def state(self) -> InService:
        """What the log said last; a service without a store has no version in it."""
        return self._state

    @property
    def version(self) -> str | None:
        """The version that this process would answer with, if any is loaded."""
        return self._serving[1].model_version if self._serving else None

    def concerns(self) -> list[str]:
        """Stable codes of what keeps the service from being as it should; none of them names a place."""
        found = [OFF] if self.is_off else []
        if self._state.current in self._failures:
            found.append(LOAD_FAILED)
        return [*found, self._registry] if self._registry else found

    def tell_registry(self, code: str | None) -> None:
        """What came of asking the registry: a code, or `None` where all is well."""
        self._registry = code

    def check_answering(self) -> None:
        """Raise `Problem` where no request for scores would be answered, by model or rules."""
        if not self.is_off:
            self._loaded()

    def _loaded(self) -> Scorer:
        serving = self._serving
        if serving is not None:
            return serving[1]
        current = self._state.current
        failure = self._failures.get(current) if current is not None else None
        if failure is not None:
            raise Problem("model_failed", detail=f"The model could not be loaded: {failure.reason}.")
        if current is None and self._settled.is_set():
            raise Problem("model_absent")
        raise Problem("model_loading", headers={"Retry-After": "5"})

    def _follow(self) -> None:
        while True:
            try:
                self.stand_by()
                self.look()
            except Exception as error:
                LOGGER.error("model failed", extra={"fields": {"reason": type(error).__name__}})
            finally:
                self._settled.set()
            if self._stops.wait(LOOK_SECONDS):
                return

    def _make_rules(self, state: InService) -> RulesScorer | None:
        """The rules of what is in service. Whatever its manifest says, the model can be turned off."""
        for region in self.models.regions(state):
            try:
                return RulesScorer(region)
            except FeaturesError as error:
                LOGGER.error("rules cannot be made", extra={"fields": {"error": type(error).__name__}})
        return None

    def _let_go(self, *wanted: Pick | None) -> None:
        """Hold no others than these. Done before a version is loaded: there are two in memory at the most."""
        self._held = {pick: scorer for pick, scorer in self._held.items() if pick in wanted}

    def _put_in(self, pick: Pick) -> bool:
        """Let a version answer, loaded where it is not held; whether it does."""
        if pick not in self._held and not self._load(pick):
            return False
        if self._serving is None or self._serving[0] != pick:
            self._serving = pick, self._held[pick]
            LOGGER.info("model ready", extra={"fields": {"version": pick.version}})
        return True

    def _load(self, pick: Pick) -> bool:
        """Load a version and hold it; whether that went well."""
        failed = self._failures.get(pick)
        if failed is not None and self._now() < failed.again_at:
            return False
        try:
            scorer = Scorer(self._read(pick))
            self.after_loading()
        except (ScoringError, FeaturesError) as error:
            # The folder's place is the operator's business, and in the log.
            folder = str(self.models.folder(pick))
            self._fail(pick, str(error).replace(folder, "the bundle folder"), str(error))
        except Exception as error:
            name = type(error).__name__
            self._fail(pick, f"reading it ended with {name}", name)
        else:
            self._held[pick] = scorer
            self._failures.pop(pick, None)
            return True
        return False

    def _fail(self, pick: Pick, reason: str, logged: str) -> None:
        self._failures[pick] = _Failure(reason, self._now() + RETRY_SECONDS)
        LOGGER.error("model failed", extra={"fields": {"version": pick.version, "reason": logged}})

    def _read(self, pick: Pick) -> Bundle:
        bundle = self.models.load(pick)
        # Tables and compiled code before the model answers anybody.
        bundle.model.prepare()
        return bundle


def shown(pick: Pick | None) -> Pick | None:
    """A version as it may be told; the one bundle of a service without a store has no version there."""
    return None if pick == FIXED else pick
