"""`GET /v1/model`: what the model in service is, was made from and achieved. No golden rows, no data."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from features import policy_version
from scoring.bundle import Manifest
from serving.api.documentation import problems
from serving.api.model_card_answers import ModelCard
from serving.champion import Champion


def router(champion: Champion) -> APIRouter:
    """The route, bound to its model."""
    made = APIRouter(tags=["model"])

    @made.get(
        "/v1/model",
        summary="The model in service",
        response_class=Response,
        responses={200: {"model": ModelCard}, **problems(500, 503)},
    )
    async def model() -> Response:
        scorer = champion.scorer()
        return JSONResponse({**public_part(scorer.manifest), "policy_version_in_force": policy_version()})

    return made


def public_part(manifest: Manifest) -> dict[str, Any]:
    """What anyone may know of a model, as JSON."""
    return {
        "version": manifest.version,
        "created_at": manifest.created_at,
        "region": manifest.region,
        "horizon_months": manifest.horizon_months,
        "label": manifest.label,
        "base_rate": manifest.base_rate,
        "grade_borders": {"high_from": manifest.high_from, "medium_from": manifest.medium_from},
        "feature_version": manifest.feature_version,
        "policy_version": manifest.policy_version,
        "features": [one.model_dump() for one in manifest.features],
        "metrics": manifest.metrics,
        "training": {
            "train_as_of_dates": manifest.provenance.train_as_of_dates,
            "calibration_as_of_dates": manifest.provenance.calibration_as_of_dates,
            "test_as_of_dates": manifest.provenance.test_as_of_dates,
            "train_rows": manifest.provenance.train_rows,
            "train_positives": manifest.provenance.train_positives,
        },
    }
