"""MLflow's protocol over vectors: `POST /invocations` and `GET /ping`.

What calls a model that MLflow serves can call this service instead. Nothing of MLflow runs here: its loaders
execute code from a model's folder.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from scoring.vector_scores import score_vectors, worded
from serving.api.documentation import problems
from serving.api.json_body import dump_json, parse_json
from serving.api.running import read_sized, run_sized
from serving.api.vectors import (
    Floats,
    check_count,
    check_limits,
    check_numbers,
    example_vector,
    places_of,
    read_list,
    read_object,
    read_reasons,
    read_rows,
    refuse,
)
from serving.champion import Champion
from serving.scorer import Scorer
from serving.settings import Settings
from serving.steps import Steps, timed_steps
from serving.turns import Turns

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def router(champion: Champion, settings: Settings, turns: Turns) -> APIRouter:
    """The routes, bound to their model."""
    made = APIRouter(tags=["vectors"])
    vector = example_vector(champion.models)
    # By columns: of an object the framework would leave out what is null.
    example = {
        "dataframe_split": {"columns": list(vector), "data": [list(vector.values())]},
        "params": {"reasons": 2},
    }

    @made.get("/ping", summary="Whether a model answers (MLflow)", responses=problems(503))
    async def ping() -> Response:
        champion.scorer()
        return Response(b"\n", media_type="application/json")

    @made.post(
        "/invocations",
        summary="Score vectors (MLflow)",
        description="Exactly one of dataframe_split, dataframe_records, instances and inputs, with every "
        "feature of the model by name; null is a missing value. `params.reasons` asks for so many reasons.",
        response_class=Response,
        responses={200: {"content": {"application/json": {"schema": _ANSWER}}},
                   **problems(400, 408, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {
            "schema": _REQUEST, "example": example}}}},
    )  # fmt: skip
    async def invoke(request: Request) -> Response:
        scorer = champion.scorer()
        body = await read_sized(request, settings, turns)
        answer = await run_sized(turns, body, _answer(scorer, body, settings.max_households))
        return Response(answer, media_type="application/json")

    return made


@timed_steps
def _answer(scorer: Scorer, body: bytes, most: int) -> Steps[bytes]:
    model = scorer.assessor.model
    document = read_object(parse_json(body), "", (*FORMS, "params"))
    params = document.get("params")
    wanted = None if params is None else read_object(params, "/params", ("reasons",)).get("reasons")
    reasons = read_reasons(wanted, "/params/reasons")
    forms = [name for name in FORMS if name in document]
    if len(forms) != 1:
        refuse("", "wrong_number", f"give exactly one of {', '.join(FORMS)}")
    matrix = _matrix(document[forms[0]], forms[0], model.feature_names, most)
    yield
    found = score_vectors(model, matrix, reasons)
    yield
    predictions: list[dict[str, Any]] = [
        {"score": score, "log_odds": log_odds, "grade": grade}
        for score, log_odds, grade in zip(found.scores, found.log_odds, found.grades, strict=True)
    ]
    if reasons:
        for one, told in zip(predictions, found.reasons, strict=True):
            one["reasons"] = [worded(reason) for reason in told]
    return dump_json({"predictions": predictions})


def _matrix(given: Any, form: str, features: tuple[str, ...], most: int) -> Floats:
    at = f"/{form}"
    if form == "dataframe_split":
        return _split(given, at, features, most)
    if form == "inputs" and isinstance(given, dict):
        return _columns(given, at, features, most)
    rows = read_list(given, at)
    check_count(len(rows), most, at)
    if form == "dataframe_records" or isinstance(rows[0], dict):
        return _records(rows, at, features, most)
    # Rows without names are in the model's own order.
    matrix = read_rows(rows, len(features), most, at)
    check_limits(matrix, features, lambda row, column: f"{at}/{row}/{column}")
    return matrix


def _split(given: Any, at: str, features: tuple[str, ...], most: int) -> Floats:
    split = read_object(given, at, ("columns", "data", "index"))
    columns = read_list(split.get("columns"), f"{at}/columns")
    places = places_of(columns, features, f"{at}/columns")
    rows = read_list(split.get("data"), f"{at}/data")
    matrix = read_rows(rows, len(columns), most, f"{at}/data")
    index = split.get("index")
    if index is not None and len(read_list(index, f"{at}/index")) != len(rows):
        refuse(f"{at}/index", "wrong_shape", "give one entry for each row, or leave it out")
    matrix = _in_order(matrix, places)
    check_limits(matrix, features, lambda row, column: f"{at}/data/{row}/{places[column]}")
    return matrix


def _records(rows: list[Any], at: str, features: tuple[str, ...], most: int) -> Floats:
    values = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            refuse(f"{at}/{number}", "wrong_type", "give a JSON object")
        places_of(list(row), features, f"{at}/{number}")
        values.append([row[name] for name in features])
    matrix = read_rows(values, len(features), most, at, features)
    check_limits(matrix, features, lambda row, column: f"{at}/{row}/{features[column]}")
    return matrix


def _columns(given: dict[str, Any], at: str, features: tuple[str, ...], most: int) -> Floats:
    places_of(list(given), features, at)
    columns = [read_list(given[name], f"{at}/{name}") for name in features]
    count = len(columns[0])
    for name, column in zip(features, columns, strict=True):
        if len(column) != count:
            refuse(f"{at}/{name}", "wrong_shape", "give as many values for each feature")
        check_numbers(column, f"{at}/{name}")
    check_count(count, most, at)
    matrix = read_rows([list(row) for row in zip(*columns, strict=True)], len(features), most, at)
    check_limits(matrix, features, lambda row, column: f"{at}/{features[column]}/{row}")
    return matrix


def _in_order(matrix: Floats, places: list[int]) -> Floats:
    """The columns of a matrix in another order."""
    return matrix if places == list(range(len(places))) else matrix[:, places].copy()


_ROWS = {"type": "array", "items": {"type": "array", "items": {"type": ["number", "null"]}}}
_BY_NAME = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
_REQUEST = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "dataframe_split": {
            "type": "object",
            "additionalProperties": False,
            "required": ["columns", "data"],
            "properties": {
                "columns": {"type": "array", "items": {"type": "string"}},
                "data": _ROWS,
                "index": {"type": "array"},
            },
        },
        "dataframe_records": {"type": "array", "items": _BY_NAME},
        "instances": {"type": "array"},
        "inputs": {"type": ["array", "object"]},
        "params": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"reasons": {"type": "integer", "minimum": 0, "maximum": 4}},
        },
    },
}
_REASON = {
    "type": "object",
    "required": ["code", "zh", "en"],
    "properties": {"code": {"type": "string"}, "zh": {"type": "string"}, "en": {"type": "string"}},
}
_ANSWER = {
    "type": "object",
    "required": ["predictions"],
    "properties": {
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["score", "log_odds", "grade"],
                "properties": {
                    "score": {"type": "number"},
                    "log_odds": {"type": "number"},
                    "grade": {"type": "string", "enum": ["high", "medium", "low"]},
                    "reasons": {"type": "array", "items": _REASON},
                },
            },
        }
    },
}
