"""Gate: one question to a model before it may serve, with what was seen and what is asked for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from training.gates.thresholds import Threshold


@dataclass(frozen=True)
class Gate:
    """The answer of one gate. `says` is a sentence for people; without a threshold it is a yes or no.

    `observed` is `None` where nothing could be seen; `passed` then says whether that is accepted.
    """

    name: str
    passed: bool
    observed: float | str | None
    says: str
    threshold: Threshold | None = None

    @property
    def finite(self) -> float | str | None:
        """What was seen; `None` also where that is not a number."""
        seen = self.observed
        return None if isinstance(seen, float) and not math.isfinite(seen) else seen

    def as_json(self) -> dict[str, Any]:
        """The gate as plain data."""
        found = {**asdict(self), "observed": self.finite}
        if self.threshold is not None:
            found["threshold"]["effective_from"] = self.threshold.effective_from.isoformat()
        return found
