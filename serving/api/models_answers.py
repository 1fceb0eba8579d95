"""The answer of `GET /v1/models`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import Texts


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ModelVersion(_Answer):
    """An admitted version."""

    version: str
    manifest_sha256: str


class ReleaseAnswer(_Answer):
    """One change of the model in service."""

    number: int
    at: str = Field(description="UTC")
    by: str
    action: Literal["use", "rollback", "off", "on"]
    from_version: str | None
    to_version: str | None = Field(description="In service after the change")
    manifest_sha256: str | None
    is_on: bool = Field(description="Whether the model is on after the change")
    why: str = Field(description="Words of a person, or a code of the service's own")
    why_text: Texts | None = Field(description="What such a code means; null: words of a person")


class ModelsAnswer(_Answer):
    """The model in service, and the release log."""

    state: Literal["on", "off"] = Field(description="off: POST /v1/scores answers with rules alone")
    state_text: Texts | None
    serving_version: str | None = Field(
        description="What this process answers with; another than `current` while that is being loaded, or "
        "where it cannot be"
    )
    current: ModelVersion | None = Field(description="null: none yet, or one bundle without a store")
    previous: ModelVersion | None = Field(description="Where a rollback goes")
    reasons: list[str] = Field(description="Codes as in GET /health/ready")
    releases: list[ReleaseAnswer] = Field(description="The newest first")
    next_before: int | None = Field(description="`before` of the next page; null: there is none")


_SHA256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
EXAMPLE: dict[str, Any] = {
    "state": "on",
    "state_text": None,
    "serving_version": "county-20261101-080000-1a2b3c",
    "current": {"version": "county-20261101-080000-1a2b3c", "manifest_sha256": _SHA256},
    "previous": None,
    "reasons": [],
    "releases": [
        {
            "number": 1,
            "at": "2026-11-01T09:12:44+00:00",
            "by": "model-desk",
            "action": "use",
            "from_version": None,
            "to_version": "county-20261101-080000-1a2b3c",
            "manifest_sha256": _SHA256,
            "is_on": True,
            "why": "first release of the county",
            "why_text": None,
        }
    ],
    "next_before": None,
}
