"""Asking the registry beside a running service: what lies on the disk answers from the start.

Each asking is the command `models fetch` in a process of its own. Where it fails, readiness says so, and the
registry is asked again.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable

from serving.models.own_words import SERVICE
from serving.models.registry import BUNDLE_REFUSED, FAILED, SILENT
from serving.settings import Settings

LOGGER = logging.getLogger("fangfan.serving")
AGAIN_SECONDS = 60.0
ADMISSION_SECONDS = 600
"""How long admitting what was fetched may take."""
_CODES = {SILENT, FAILED, BUNDLE_REFUSED}


class RegistryWatch:
    """Asks the registry of the settings, if there is one, until it was asked well once."""

    def __init__(self, settings: Settings, tell: Callable[[str | None], None]) -> None:
        self.settings = settings
        self.tell = tell
        self._stops = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Ask in a thread of its own."""
        if self.settings.registry_uri is not None and self.settings.models_dir is not None:
            threading.Thread(target=self._ask_until_well, name="ask-registry", daemon=True).start()

    def stop(self) -> None:
        """Ask no longer."""
        self._stops.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def ask(self) -> str | None:
        """Ask once: the code of what went wrong, or `None`."""
        limit = self.settings.registry_seconds + ADMISSION_SECONDS
        command = [sys.executable, "-m", "serving", "models", "fetch", "--json", "--by", SERVICE]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **self.settings.environment(), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        with self._process as process:
            try:
                said, _ = process.communicate(timeout=limit)
                code = json.loads(said)["code"]
            except subprocess.TimeoutExpired:
                process.kill()
                return SILENT
            except (ValueError, KeyError, TypeError):
                return FAILED
        return None if code is None else code if code in _CODES else FAILED

    def _ask_until_well(self) -> None:
        while not self._stops.is_set():
            code = self.ask()
            if self._stops.is_set():
                return
            self.tell(code)
            if code is None:
                LOGGER.info("registry asked", extra={"fields": {}})
                return
            LOGGER.error("registry asked", extra={"fields": {"code": code}})
            self._stops.wait(AGAIN_SECONDS)
