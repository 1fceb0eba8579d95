"""Feed health: notices feeds that lie, before anybody is scored from them.

A feed can be silent, late, torn, doubled, empty in places, in the wrong unit, or last month's. Each month of
each feed is compared with the area's own earlier months. A fault of the whole feed blocks it, a local one
flags exactly the households it concerns.
"""

from features.health.application import apply_health, flagged_households, without_blocked
from features.health.checkup import check_health
from features.health.deliveries import Deliveries, refused_rows
from features.health.reasons import REASONS, Reason
from features.health.verdicts import Health, Verdict

__all__ = [
    "REASONS",
    "Deliveries",
    "Health",
    "Reason",
    "Verdict",
    "apply_health",
    "check_health",
    "flagged_households",
    "refused_rows",
    "without_blocked",
]
