"""The log, as tests of it read it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from serving.logs import JsonLines


class KeptLines(logging.Handler):
    """Formats where the record was made, as a stream does."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def quiet_root() -> Iterator[logging.Logger]:
    """The root of all loggers, with nobody beside it, which is as it was afterwards."""
    root, own = logging.getLogger(), logging.getLogger("fangfan")
    before, beside, level, raises = root.handlers[:], own.handlers[:], root.level, logging.raiseExceptions
    shown = logging.logThreads, logging.logProcesses, logging.logMultiprocessing
    own.handlers.clear()
    try:
        yield root
    finally:
        root.handlers[:], own.handlers[:], logging.raiseExceptions = before, beside, raises
        logging.logThreads, logging.logProcesses, logging.logMultiprocessing = shown
        root.setLevel(level)
