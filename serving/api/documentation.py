"""The OpenAPI document's parts that the contracts write: the request's schema, its example, the problems."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from features import CONTRACTS
from features.policy.measures import measures
from features.regions import AREA_LEVELS
from features.signals import REQUEST_FEEDS, Contract
from features.signals.coverage import COLUMNS
from features.signals.fields import Category, Count, Date, Field, Flag, Identifier, Money
from scoring.what_if.plan import MOST_MEASURES, MOST_PERSONS
from serving.api.answers import ProblemAnswer
from serving.errors import PROBLEM_TYPE
from serving.problems import PROBLEMS

_INHERITED = ("household_id", "is_known_on_estimated")
"""Fields that a row of a request may leave out: the key comes from the household, the mark is false."""

_DATE_SCHEMA: dict[str, Any] = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}

AS_OF_PARAMETER: dict[str, Any] = {
    "name": "as_of_date",
    "in": "query",
    "required": False,
    "schema": _DATE_SCHEMA,
    "description": "Which stored assessment; the latest if left out",
}


def example_request() -> dict[str, Any]:
    """One complete request of an invented household; it scores."""
    text = resources.files(__package__).joinpath("example_request.json").read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def score_request_body(most_households: int) -> dict[str, Any]:
    """The body of a request that tells signals, in OpenAPI 3.1."""
    coverage = {
        "type": "object",
        "additionalProperties": False,
        "required": list(COLUMNS),
        "properties": {
            "feed": {"type": "string", "enum": list(REQUEST_FEEDS)},
            "area_code": {
                "type": "string",
                "pattern": r"^[0-9A-Z]+$",
                "description": f"统计用区划代码，可为上级区划 / area code of {_lengths()} characters",
            },
            "complete_from": _DATE_SCHEMA,
            "complete_until": _DATE_SCHEMA,
            "known_on": _DATE_SCHEMA,
        },
        "description": "该部门数据在该区域、该时段完整 / everything of the feed that occurred in the area in "
        "this period has been delivered. Without it a feed is missing, never zero.",
    }
    household = {
        "type": "object",
        "additionalProperties": False,
        "required": ["household_id", "signals"],
        "properties": {
            "household_id": _schema_of(CONTRACTS["household"].field("household_id")),
            "signals": {
                "type": "object",
                "additionalProperties": False,
                "required": ["household"],
                "properties": {
                    name: {
                        "type": "array",
                        "description": f"{one.zh}（{one.source_zh}） / {one.en} ({one.source_en})",
                        "items": row_schema(one),
                    }
                    for name, one in REQUEST_FEEDS.items()
                },
            },
        },
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["as_of_date", "coverage", "households"],
        "properties": {
            "as_of_date": {
                **_DATE_SCHEMA,
                "description": "评估日期 / only what was known by this day counts",
            },
            "coverage": {"type": "array", "items": coverage},
            "households": {
                "type": "array",
                "minItems": 1,
                "maxItems": most_households,
                "items": household,
            },
        },
    }
    content = {"application/json": {"schema": schema, "example": example_request()}}
    return {"required": True, "content": content}


def any_score_request_body(most_households: int) -> dict[str, Any]:
    """The request body of `POST /v1/scores`: households with their signals, or keys of stored ones."""
    body = score_request_body(most_households)
    content = body["content"]["application/json"]
    key = _schema_of(CONTRACTS["household"].field("household_id"))
    stored = {
        "type": "object",
        "additionalProperties": False,
        "required": ["as_of_date", "household_ids"],
        "description": "Stored households: their signals are looked up in the folder of intake",
        "properties": {
            "as_of_date": _DATE_SCHEMA,
            "household_ids": {
                "type": "array", "minItems": 1, "maxItems": most_households, "uniqueItems": True, "items": key
            },
        },
    }  # fmt: skip
    content["schema"] = {"anyOf": [content["schema"], stored]}
    del content["example"]
    content["examples"] = {
        "signals": {"summary": "Households with their signals", "value": example_request()},
        "stored": {"summary": "Stored households", "value": EXAMPLE_IDS},
    }
    return body


EXAMPLE_IDS = {"as_of_date": "2026-10-31", "household_ids": ["EXAMPLE-0001"]}


def example_what_if() -> dict[str, Any]:
    """The example's household with a plan of measures."""
    plan = [
        {"code": "reimbursement", "amount_yuan": 8000},
        {"code": "dibao"},
        {"code": "public_welfare_post", "starts_on": "2027-01-01", "persons": 1},
    ]
    return {**example_request(), "measures": plan}


def what_if_request_body() -> dict[str, Any]:
    """The request body of `POST /v1/what-if` in OpenAPI 3.1: one household's, and its measures."""
    body = score_request_body(1)
    schema = body["content"]["application/json"]["schema"]
    schema["required"].append("measures")
    schema["properties"]["measures"] = {
        "type": "array",
        "maxItems": MOST_MEASURES,
        "description": "拟安排的措施，每项一次 / the measures planned, each once; see GET /v1/measures",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["code"],
            "properties": {
                "code": {"type": "string", "enum": list(measures())},
                "starts_on": {
                    **_DATE_SCHEMA,
                    "description": "起始日，在评估日之后12个月内，不填为次日 / within the 12 months after "
                    "as_of_date; left out: the day after it",
                },
                "ends_on": {
                    **_DATE_SCHEMA,
                    "description": "最后一天，只用于持续发放的措施 / last day, of lasting help",
                },
                "amount_yuan": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": max(one.at_most_yuan for one in measures().values()),
                    "multipleOf": 0.01,
                    "description": "每笔每户或每人金额，不填取目录值 / one payment to one household "
                    "or person; left out: the catalogue's. A monthly support is what is drawn in all.",
                },
                "persons": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_PERSONS,
                    "description": "人数，只用于按人计的措施 / of measures for persons; left out: 1",
                },
            },
        },
    }
    body["content"]["application/json"]["example"] = example_what_if()
    return body


def row_schema(contract: Contract) -> dict[str, Any]:
    """The JSON schema of one surface row of a feed."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [
            one.surface for one in contract.fields if one.is_required and one.name not in _INHERITED
        ],
        "properties": {one.surface: _schema_of(one) for one in contract.fields},
    }


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, one a status, with the codes it may have."""
    documented: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        kinds = {code: kind for code, kind in PROBLEMS.items() if kind.status == status}
        told = "; ".join(f"`{code}`: {kind.detail}" for code, kind in kinds.items())
        # Shared by all of them: the document is encoded, and so copied, before anybody changes it.
        documented[status] = {"description": told, "content": {PROBLEM_TYPE: {"schema": _problem_schema()}}}
    return documented


@cache
def _problem_schema() -> dict[str, Any]:
    """A problem's schema without references, made once: every route has several."""
    schema = ProblemAnswer.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["ProblemErrorAnswer"]
    return schema


def drop_framework_problems(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the 422 that the framework writes for paths with a parameter: it is never sent."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    return document


def _schema_of(field: Field) -> dict[str, Any]:
    made: dict[str, Any]
    match field:
        case Identifier(pattern=pattern):
            made = {"type": "string", "pattern": f"^(?:{pattern})$"}
        case Date():
            made = dict(_DATE_SCHEMA)
        case Money(minimum_yuan=low, maximum_yuan=high):
            made = {"type": "number", "minimum": low, "maximum": high, "multipleOf": 0.01}
        case Count(minimum=low, maximum=high):
            made = {"type": "integer", "minimum": low, "maximum": high}
        case Flag():
            made = {"type": "boolean"}
        case Category(categories=words):
            made = {"type": "string", "enum": list(words)}
        case _:
            raise TypeError(f"{field.name} is of a kind that this document cannot show")
    if not field.is_required:
        made["type"] = [made["type"], "null"]
    unit = f" [{field.unit}]" if field.unit else ""
    made["description"] = f"{field.zh} / {field.en}{unit}: {field.bounds}"
    return made


def _lengths() -> str:
    return ", ".join(f"{length} ({level})" for length, level in AREA_LEVELS.items())
