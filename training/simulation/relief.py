"""Relief: a measure that comes before any identification, so that none follows.

Off unless a county's settings ask for it. A share of those whom the county would have identified is helped
first, by relief that civil affairs grant: their hardship goes on exactly as it would have, but no outcome and
no identification is recorded of them.
"""

from __future__ import annotations

import numpy as np

from training.simulation.reporting import Reporter

RELIEF_DAYS = 90


class Relief:
    """Diverts identifications of one county, by a chance of its own."""

    def __init__(self, share: float, rng: np.random.Generator) -> None:
        self.share, self.rng = share, rng
        self.helped: list[dict[str, object]] = []

    def divert(self, found: list[dict[str, object]], reporter: Reporter) -> list[dict[str, object]]:
        """The identifications that remain; the others are reported as assistance."""
        if not self.share:
            return found
        draws = self.rng.random(len(found))
        # Only a real difficulty is relieved; a mistake is nobody's.
        helped = [
            one
            for one, draw in zip(found, draws, strict=True)
            if draw < self.share and int(str(one["since"])) >= 0
        ]
        if helped:
            days = np.array([one["identified_on"] for one in helped], dtype="datetime64[D]").astype(np.int64)
            reporter.add_spells("assistance", {
                "household": np.array([one["household"] for one in helped], dtype=np.int64),
                "occurred": days,
                "ended": days + RELIEF_DAYS,
                "kind": np.full(len(helped), "temporary_relief", dtype=object),
                "monthly_yuan": np.round(self.rng.uniform(500, 3_000, len(helped)), -2),
            })  # fmt: skip
        self.helped += helped
        gone = {one["household"] for one in helped}
        return [one for one in found if one["household"] not in gone]
