"""The faulty county is simulated once a session."""

import pytest

from tests.features.health.faulty import FaultyCounty


@pytest.fixture(scope="session")
def faulty() -> FaultyCounty:
    return FaultyCounty()
