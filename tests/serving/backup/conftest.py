"""A place with something to copy, and a folder for the copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.settings import Settings
from tests.serving.backup.stock import settings_of, stock


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    made = settings_of(tmp_path / "place")
    (tmp_path / "place").mkdir()
    stock(made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backups"
    made.mkdir(mode=0o700)
    return made
