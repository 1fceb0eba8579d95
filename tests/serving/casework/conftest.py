"""A county's office on each kind of database, and one on SQLite alone for what no database changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.casework.county import CountyOffice


@pytest.fixture
def office(database_url: str) -> Iterator[CountyOffice]:
    made = CountyOffice(database_url)
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CountyOffice]:
    made = CountyOffice(f"sqlite:///{tmp_path}/cases.db")
    yield made
    made.close()
