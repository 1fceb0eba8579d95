"""The model in service: loaded by a thread at start, asked by every scoring request."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from features.errors import FeaturesError
from scoring import Bundle, ScoringError, load_bundle
from serving.errors import Problem
from serving.scorer import Scorer

LOGGER = logging.getLogger("fangfan.serving")


class Champion:
    """The scorer of one bundle, or why there is none yet. Reading takes seconds; `start` returns at once."""

    def __init__(self, bundle_dir: Path) -> None:
        self.bundle_dir = bundle_dir
        self._scorer: Scorer | None = None
        self._failure: str | None = None
        self._settled = threading.Event()

    def start(self) -> None:
        """Load the bundle in a thread of its own."""
        threading.Thread(target=self.load, name="load-bundle", daemon=True).start()

    def load(self) -> None:
        """Load the bundle; a broken one is kept as the reason, and the process goes on."""
        try:
            self._scorer = Scorer(self._read())
            LOGGER.info("model ready", extra={"fields": {"version": self._scorer.model_version}})
        except (ScoringError, FeaturesError) as error:
            # The folder's place is the operator's business, and in the log.
            self._failure = str(error).replace(str(self.bundle_dir), "the bundle folder")
            LOGGER.error("model failed", extra={"fields": {"reason": str(error)}})
        except Exception as error:
            self._failure = f"reading it ended with {type(error).__name__}"
            LOGGER.error("model failed", extra={"fields": {"reason": type(error).__name__}})
        finally:
            self._settled.set()

    def wait(self, seconds: float) -> bool:
        """Wait until loading has ended, well or badly; whether it has."""
        return self._settled.wait(seconds)

    def scorer(self) -> Scorer:
        """The scorer; raises `Problem` while the model is loading and after it failed."""
        if self._scorer is not None:
            return self._scorer
        if self._failure is not None:
            raise Problem("model_failed", detail=f"The model could not be loaded: {self._failure}.")
        raise Problem("model_loading", headers={"Retry-After": "5"})

    def _read(self) -> Bundle:
        bundle = load_bundle(self.bundle_dir)
        # Tables and compiled code before the service says that it is ready.
        bundle.model.prepare()
        return bundle
