"""Hypothesis is repeatable here; HYPOTHESIS_PROFILE=explore looks for new trouble and shrinks it."""

import os

from hypothesis import HealthCheck, Phase, settings

_CALM = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
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
