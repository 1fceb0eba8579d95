"""Department triggers: hard thresholds that surface beside the score, whatever the score says.

A trigger reads a vector and dated policy numbers; a missing value never fires it, and the feeds that are
missing are named beside the hits, so that silence is not taken for safety.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from features import policy_value

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
"""Feature name → its values for n households, NaN where missing."""

BACKGROUND = "composition_is_formerly_poor"
"""The only feature that a level depends on."""


@dataclass(frozen=True)
class Trigger:
    """One trigger of a department: a feature that reaches a level taken from policy.

    `level` gives the level for each household, in the feature's unit; with `applies`, the trigger speaks
    only of the households it names.
    """

    code: str
    cause: str
    feature: str
    parameters: tuple[str, ...]
    level: Callable[[Columns, dt.date, str], Floats]
    applies: Callable[[Columns], npt.NDArray[np.bool_]] | None = None

    def excess(self, columns: Columns, as_of: dt.date, region: str) -> Floats:
        """Value ÷ level for each household: the trigger fires from 1 on. 0 where missing or not applying."""
        ratio = np.nan_to_num(columns[self.feature] / self.level(columns, as_of, region), nan=0.0)
        return ratio if self.applies is None else np.where(self.applies(columns), ratio, 0.0)


@dataclass(frozen=True)
class TriggerHit:
    """A trigger that fired: the household's value, the level, and whether the level is an assumption."""

    code: str
    cause: str
    feature: str
    value: float
    level: float
    is_assumption: bool


def find_hits(vector: Mapping[str, float], as_of: dt.date, region: str) -> list[TriggerHit]:
    """The triggers that fire for one household on a date. `vector` has every feature, NaN where missing."""
    background = vector[BACKGROUND]
    hits = []
    for trigger, level, assumed in _levels(as_of, region, None if math.isnan(background) else background):
        value = vector[trigger.feature]
        # Not a number is not above anything.
        if value / level >= 1 and (trigger.applies is None or _applies(trigger.applies, vector)):
            hits.append(TriggerHit(trigger.code, trigger.cause, trigger.feature, value, level, assumed))
    return hits


@lru_cache(maxsize=512)
def _levels(as_of: dt.date, region: str, background: float | None) -> tuple[tuple[Trigger, float, bool], ...]:
    """Each trigger with its level and whether that is assumed; of a household only the background matters."""
    columns = {BACKGROUND: np.array([np.nan if background is None else background])}
    return tuple(
        (
            one,
            float(one.level(columns, as_of, region)[0]),
            any(policy_value(name, region, as_of).is_assumption for name in one.parameters),
        )
        for one in TRIGGERS
    )


def _applies(applies: Callable[[Columns], npt.NDArray[np.bool_]], vector: Mapping[str, float]) -> bool:
    return bool(applies({name: np.array([vector[name]]) for name in TRIGGER_FEATURES})[0])


def _medical_level(columns: Columns, as_of: dt.date, region: str) -> Floats:
    shares = policy_value("medical_trigger_share", region, as_of).value
    income = policy_value("rural_income", region, as_of).value
    background = columns[BACKGROUND]
    # Where the background is unknown the lower level applies: a visit too many is the smaller harm.
    return np.asarray(np.where(background == 0, shares["other"], shares["formerly_poor"]) * income)


def _policy_level(parameter: str) -> Callable[[Columns, dt.date, str], Floats]:
    def level(columns: Columns, as_of: dt.date, region: str) -> Floats:
        households = len(next(iter(columns.values())))
        return np.full(households, float(policy_value(parameter, region, as_of).value))

    return level


def _had_wages(columns: Columns) -> npt.NDArray[np.bool_]:
    return np.asarray(columns["income_wages_yuan_12m"] > 0, dtype=np.bool_)


def _event(code: str, cause: str, feature: str) -> Trigger:
    """A trigger that one event fires."""
    parameter = "event_trigger_count"
    return Trigger(code, cause, feature, (parameter,), _policy_level(parameter))


TRIGGERS: tuple[Trigger, ...] = (
    Trigger(
        code="medical_self_paid",
        cause="01",
        feature="illness_self_paid_yuan_12m",
        parameters=("medical_trigger_share", "rural_income"),
        level=_medical_level,
    ),
    Trigger(
        code="crop_loss",
        cause="02",
        feature="disaster_crop_loss_percent_12m",
        parameters=("crop_loss_trigger_percent",),
        level=_policy_level("crop_loss_trigger_percent"),
    ),
    Trigger(
        code="out_of_work",
        cause="07",
        feature="income_days_since_wages",
        parameters=("out_of_work_trigger_days",),
        level=_policy_level("out_of_work_trigger_days"),
        applies=_had_wages,
    ),
    Trigger(
        code="schooling_cost",
        cause="09",
        feature="schooling_cost_after_aid_yuan_12m",
        parameters=("schooling_trigger_yuan",),
        level=_policy_level("schooling_trigger_yuan"),
    ),
    Trigger(
        code="loan_overdue",
        cause="06",
        feature="loan_overdue_days",
        parameters=("loan_overdue_trigger_days",),
        level=_policy_level("loan_overdue_trigger_days"),
    ),
    _event("guarantee_gap", "99", "guarantee_gap_count"),
    _event("unsafe_house", "99", "housing_is_unsafe"),
    _event("unsafe_water", "99", "water_is_unsafe"),
    _event("dropped_out", "09", "schooling_is_dropped_out_12m"),
    _event("new_severe_disability", "03", "disability_new_severe_count_24m"),
    _event("severe_accident", "05", "accident_severe_count_12m"),
    _event("earner_lost", "04", "civil_is_earner_lost_24m"),
    _event("own_declaration", "99", "declaration_self_count_12m"),
)
"""The triggers of DOMAIN §3, department by department, and the household's own declaration."""

TRIGGER_FEATURES: tuple[str, ...] = (
    BACKGROUND,
    "income_wages_yuan_12m",
    *(trigger.feature for trigger in TRIGGERS),
)
"""The features that triggers read, to be computed beside the model's own."""
