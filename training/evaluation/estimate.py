"""Numbers of an evaluation: at capacity over all orders of ties, and all of them as plain data."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel


@dataclass(frozen=True)
class TieEstimate:
    """A number at capacity: its mean over all orders of ties with interval, and the worst and best order."""

    value: float
    low: float
    high: float
    worst: float
    best: float


def plain(found: Any) -> Any:
    """Dataclasses, parts of a model, tuples, dates and numbers as JSON's plain data.

    What is None or not a number is left out: an absent section is an absent key.
    """
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return plain({one.name: getattr(found, one.name) for one in dataclasses.fields(found)})
    if isinstance(found, BaseModel):
        return plain(found.model_dump())
    if isinstance(found, dict):
        return {str(key): plain(value) for key, value in found.items() if not _is_absent(value)}
    if isinstance(found, list | tuple):
        return [plain(one) for one in found]
    if isinstance(found, dt.date):
        return found.isoformat()
    if isinstance(found, np.generic):
        return found.item()
    return found


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
