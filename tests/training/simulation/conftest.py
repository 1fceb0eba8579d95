"""Counties that the tests share: simulated once, never changed."""

from __future__ import annotations

import pytest

from training.simulation import County, CountySettings, simulate_county


@pytest.fixture(scope="session")
def counties() -> list[County]:
    """Three clean counties; rare events are counted over all of them."""
    return [simulate_county(CountySettings(households=6_000, seed=seed, dirt_share=0)) for seed in (1, 2, 3)]


@pytest.fixture(scope="session")
def clean(counties: list[County]) -> County:
    """One county without dirt."""
    return counties[0]
