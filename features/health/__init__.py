"""Feed health: notices feeds that lie, before anybody is scored from them.

A feed can be silent, late, torn, doubled, empty in places, in the wrong unit, or last month's. Each month of
each feed is compared with the area's own earlier months. A fault of the whole feed blocks it, a local one
flags exactly the households it concerns.

Only what departs from the past is seen. Not seen are: keys moved from one household to another, two amounts
in each other's column, a tenth of the rows lost or dated into the future (they wait until they are known), a
few zeros in every village, a feed that was empty or in the wrong unit from its first day, a part of the
amounts in another unit in a feed that comes in bursts, and what becomes wrong by little each month for years.
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
