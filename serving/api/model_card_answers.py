"""The shape of the model's card."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FeatureCard(_Answer):
    """One feature of the model."""

    name: str
    unit: str
    zh: str
    en: str
    direction: Literal[-1, 0, 1] = Field(description="+1: more never lowers the risk; -1: never raises it")


class GradeBordersCard(_Answer):
    """The least probability of a grade."""

    high_from: float
    medium_from: float


class TrainingCard(_Answer):
    """What the model was made from."""

    train_as_of_dates: list[str]
    calibration_as_of_dates: list[str]
    test_as_of_dates: list[str]
    train_rows: int
    train_positives: int


class ModelCard(_Answer):
    """The public part of the model's manifest."""

    version: str
    created_at: str
    region: str
    horizon_months: int
    label: str
    base_rate: float
    grade_borders: GradeBordersCard
    feature_version: str
    policy_version: str
    policy_version_in_force: str
    features: list[FeatureCard]
    metrics: dict[str, float]
    training: TrainingCard
