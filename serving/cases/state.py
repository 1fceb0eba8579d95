"""Where a case stands."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """The states of a case, in the order in which it goes through them."""

    FOUND = "found"
    """发现: leads came in, and nobody has looked at them yet. Opened by the leads alone."""
    ALERTED = "alerted"
    """预警: passed on for a visit."""
    VERIFYING = "verifying"
    """核实: being visited and compared with the data."""
    REVIEWING = "reviewing"
    """评议公示: before the village, with a notice."""
    APPROVING = "approving"
    """审定: before the county."""
    HELPING = "helping"
    """帮扶: identified, helped after a plan."""
    FOLLOWING = "following"
    """跟踪: helped; watched until the risk is steadily gone."""
    RESOLVED = "resolved"
    """消除: the risk is gone; watched for a relapse. The case is closed."""
    EXCLUDED = "excluded"
    """排除: a reason was found why it is none. The case is closed."""
    JOINED = "joined"
    """并入回退: it goes on in the relapse of the household's case of before. It is closed, and found to be
    nothing; its household is counted there."""


CLOSED = frozenset({CaseState.RESOLVED, CaseState.EXCLUDED, CaseState.JOINED})
"""States that end a case: new leads open another one, and a relapse (回退) opens a resolved one again."""
OPEN = frozenset(CaseState) - CLOSED
"""States in which somebody has to act next (在办)."""
