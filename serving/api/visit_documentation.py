"""The bodies of visits, plans and reviews in OpenAPI 3.1, with examples that are taken as they stand."""

from __future__ import annotations

from typing import Any

from features.policy.measures import measures
from scoring.what_if.plan import MOST_PERSONS
from serving.api.documentation import row_schema
from serving.cases.account import LINES, MOST_LINES, MOST_MEMBERS, MOST_YUAN
from serving.cases.correction import FEEDS, Refusal
from serving.cases.guarantees import ITEMS, Check
from serving.cases.visit import (
    MOST_ANSWERS,
    MOST_CAUSES,
    MOST_CORRECTIONS,
    PROTECTIVE,
    UNSAFE,
    Finding,
    Rigid,
    Why,
)

_DAY: dict[str, Any] = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_KEY: dict[str, Any] = {
    "type": "string",
    "pattern": "^[0-9A-Za-z_-]{16,64}$",
    "description": "提交编号，重复发送只算一次 / of the sender's own: sent twice, it is there once",
}
_YUAN: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": MOST_YUAN, "multipleOf": 0.01}

EXAMPLE_VISIT: dict[str, Any] = {
    "submission_key": "visit-2026-11-02-0001",
    "visited_on": "2026-11-02",
    "finding": "difficulty",
    "account": {
        "members": 3,
        "lines": [
            {"line": "wages_migrant", "amount_yuan": 26000},
            {"line": "crops", "amount_yuan": 4200},
            {"line": "cost_crops", "amount_yuan": 1300},
            {"line": "self_paid_medical", "amount_yuan": 14800.5, "occurred_on": "2026-06-10"},
        ],
    },
    "guarantees": {
        "food": "yes", "clothing": "yes", "housing": "yes", "schooling": "yes", "medical": "yes",
        "water": "not_checked",
    },
    "rigid_spending": "unsolved",
    "answers": [],
    "causes": ["01"],
    "corrections": [
        {
            "feed": "insurance",
            "row": {"occurred_on": "2026-01-01", "member_id": "M-0001", "is_subsidised": False},
        }
    ],
    "protective": ["kin_support"],
}  # fmt: skip

EXAMPLE_MEASURE: dict[str, Any] = {
    "measure": "medical_assistance", "cause": "01", "amount_yuan": 8000, "starts_on": "2026-11-05",
    "due_on": "2026-12-05",
}  # fmt: skip
EXAMPLE_DELIVERY: dict[str, Any] = {
    "submission_key": "delivery-2026-11-20-0001", "delivered_on": "2026-11-20", "amount_yuan": 8000,
}  # fmt: skip


def visit_request_body() -> dict[str, Any]:
    """The body of a visit."""
    line = _object(
        {
            "line": {"type": "string", "enum": list(LINES)},
            "amount_yuan": _YUAN,
            "occurred_on": {**_DAY, "description": "近12个月内；不填为走访日 / left out: the visit's day"},
        },
        ["line", "amount_yuan"],
    )
    account = _object(
        {
            "members": {"type": "integer", "minimum": 1, "maximum": MOST_MEMBERS},
            "lines": {"type": "array", "minItems": 1, "maxItems": MOST_LINES, "items": line},
        },
        ["members", "lines"],
    )
    answer = _object(
        {
            "family": {"type": "string", "pattern": "^[0-9a-z_.]{1,40}$"},
            "is_agreed": {"type": "boolean"},
            "why": {"type": "string", "enum": list(Why)},
        },
        ["family", "is_agreed"],
    )
    causes = {"type": "string", "description": f"official code of a cause, or one of {', '.join(UNSAFE)}"}
    properties = {
        "submission_key": _KEY,
        "visited_on": _DAY,
        "finding": {"type": "string", "enum": list(Finding)},
        "account": {**account, "description": "收支细账 / income and spending of the 12 months before"},
        "guarantees": _object({one: {"type": "string", "enum": list(Check)} for one in ITEMS}, []),
        "rigid_spending": {"type": "string", "enum": list(Rigid)},
        "answers": {"type": "array", "maxItems": MOST_ANSWERS, "items": answer},
        "causes": {"type": "array", "maxItems": MOST_CAUSES, "items": causes},
        "corrections": {"type": "array", "maxItems": MOST_CORRECTIONS, "items": _correction()},
        "protective": {"type": "array", "items": {"type": "string", "enum": list(PROTECTIVE)}},
    }
    return _body(properties, ["submission_key", "visited_on", "finding"], EXAMPLE_VISIT)


def measure_request_body() -> dict[str, Any]:
    """The body of a measure that is planned."""
    most = max(one.at_most_yuan for one in measures().values())
    properties = {
        "measure": {"type": "string", "enum": list(measures())},
        "cause": {"type": "string", "description": f"code of a cause, or one of {', '.join(UNSAFE)}"},
        "amount_yuan": {
            "type": "number", "exclusiveMinimum": 0, "maximum": most, "multipleOf": 0.01,
            "description": "每笔每户或每人金额，不填取目录值 / one payment to one household or person",
        },
        "persons": {"type": "integer", "minimum": 1, "maximum": MOST_PERSONS},
        "starts_on": _DAY,
        "due_on": {**_DAY, "description": "最后落实日，12个月以内 / the last day, within 12 months"},
    }  # fmt: skip
    return _body(properties, ["measure", "cause", "starts_on", "due_on"], EXAMPLE_MEASURE)


def delivery_request_body() -> dict[str, Any]:
    """The body of what arrived."""
    properties = {
        "submission_key": _KEY,
        "delivered_on": _DAY,
        "amount_yuan": _YUAN,
        "is_above_plan": {
            "type": "boolean",
            "description": "实际多于计划时须说明 / said where more than planned was really given",
        },
    }
    return _body(properties, ["submission_key", "delivered_on"], EXAMPLE_DELIVERY)


def end_request_body() -> dict[str, Any]:
    """The body that ends a measure."""
    return _body({"ended_on": _DAY}, ["ended_on"], {"ended_on": "2026-11-30"})


def review_request_body() -> dict[str, Any]:
    """The body of a review."""
    approved = _object({"is_approved": {"type": "boolean", "const": True}}, ["is_approved"])
    refused = _object(
        {
            "is_approved": {"type": "boolean", "const": False},
            "why": {
                "type": "string", "enum": list(Refusal),
                "description": "不采用的原因 / told to whoever proposed it",
            },
        },
        ["is_approved", "why"],
    )  # fmt: skip
    schema, example = {"oneOf": [approved, refused]}, {"is_approved": False, "why": Refusal.NO_PROOF.value}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _correction() -> dict[str, Any]:
    kinds = []
    for feed, contract in FEEDS.items():
        row = row_schema(contract)
        ours = ("household_id", "known_on", "ended_known_on", "is_known_on_estimated")
        row["properties"] = {name: one for name, one in row["properties"].items() if name not in ours}
        row["required"] = [name for name in row["required"] if name not in ours]
        replaces = _object(row["properties"], ["occurred_on"])
        kinds.append(
            _object({"feed": {"type": "string", "const": feed}, "row": row, "replaces": replaces}, ["feed"])
        )
    return {"anyOf": kinds}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "required": required, "properties": properties
    }  # fmt: skip


def _body(properties: dict[str, Any], required: list[str], example: dict[str, Any]) -> dict[str, Any]:
    schema = _object(properties, required)
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
