"""The workers share the files out as `tests.shares` has it, and Hypothesis is repeatable.

HYPOTHESIS_PROFILE=explore looks for new trouble and shrinks it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from tests.shares import Shares

_CALM = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
# Here, above all tests: what they are decorated with is made of the profile that is loaded by then.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=_CALM,
    # A world takes minutes to shrink.
    phases=(Phase.explicit, Phase.generate),
    print_blob=False,
)
settings.register_profile("explore", deadline=None, suppress_health_check=_CALM, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares | None:
    # Imported here: only this hook needs xdist.
    from tests.shares import Shares

    return Shares(config, log) if config.getvalue("dist") == "loadfile" else None
