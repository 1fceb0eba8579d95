"""Towns whose cases are in a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.cases.towns import Town


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    made = Town(database_url)
    yield made
    made.close()


@pytest.fixture
def small(tmp_path: object) -> Iterator[Town]:
    """On SQLite alone."""
    made = Town(f"sqlite:///{tmp_path}/s.db")
    yield made
    made.close()
