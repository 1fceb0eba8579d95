"""The Open Inference Protocol, version 2, over vectors: `/v2/…` with JSON tensors of FP64."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Request, Response

from scoring.reasons import sentences
from scoring.vector_scores import VectorScores, score_vectors
from serving.access.route import DirectRoute
from serving.api.documentation import problems
from serving.api.json_body import dump_json, read_json
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
from serving.errors import Problem
from serving.scorer import Scorer
from serving.settings import Settings
from serving.steps import Steps, timed_steps
from serving.turns import Turns

MODEL = "fangfan"
"""The name of the one model there is."""
VECTORS = "vectors"
"""The input that holds whole vectors, (n, features) in the model's order."""

_VERSIONED = "/v2/models/{name}/versions/{version}"
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "data": {"type": "array"},
    },
}
_REQUEST = {
    "type": "object",
    "additionalProperties": False,
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"reasons": {"type": "integer", "minimum": 0, "maximum": 4}},
        },
        "inputs": {"type": "array", "items": _TENSOR},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "outputs": {"type": "array", "items": _TENSOR},
    },
}


def router(champion: Champion) -> APIRouter:
    """The routes that tell of the server and its model."""
    made = APIRouter(tags=["vectors"])

    @made.get("/v2/health/live", summary="The process runs (Open Inference Protocol)")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @made.get("/v2/health/ready", summary="The model is loaded", responses=problems(503))
    async def ready() -> dict[str, bool]:
        champion.scorer()
        return {"ready": True}

    @made.get("/v2", summary="The server and what it can do")
    async def server() -> dict[str, Any]:
        return {"name": MODEL, "version": "1", "extensions": []}

    @made.get(_VERSIONED, summary="A version's inputs and outputs", responses=problems(404, 503))
    async def describe_version(name: str, version: str) -> dict[str, Any]:
        return _describe(_scorer(champion, name, version))

    @made.get("/v2/models/{name}", summary="The model's inputs and outputs", responses=problems(404, 503))
    async def describe(name: str) -> dict[str, Any]:
        return _describe(_scorer(champion, name, None))

    @made.get(f"{_VERSIONED}/ready", summary="Whether a version answers", responses=problems(404, 503))
    async def version_ready(name: str, version: str) -> dict[str, Any]:
        return _ready(_scorer(champion, name, version))

    @made.get("/v2/models/{name}/ready", summary="Whether the model answers", responses=problems(404, 503))
    async def model_ready(name: str) -> dict[str, Any]:
        return _ready(_scorer(champion, name, None))

    return made


def scoring_router(champion: Champion, settings: Settings, turns: Turns) -> APIRouter:
    """The routes that score vectors."""
    made = APIRouter(tags=["vectors"], route_class=DirectRoute)
    example = {
        "id": "1",
        "parameters": {"reasons": 2},
        "inputs": [
            {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
            for name, value in example_vector(champion.models).items()
        ],
    }
    documented: dict[str, Any] = {
        "description": "Either one input `vectors` of shape [n, features] in the model's order, or one input "
        "of shape [n] or [n, 1] for each feature. `parameters.reasons` asks for so many reasons.",
        "response_class": Response,
        "responses": {
            200: {"content": {"application/json": {"schema": _ANSWER}}},
            **problems(400, 404, 408, 413, 415, 422, 500, 503),
        },
        "openapi_extra": {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _REQUEST, "example": example}},
            }
        },
    }

    @made.post(f"{_VERSIONED}/infer", summary="Score vectors with a version", **documented)
    async def infer_with(request: Request, name: str, version: str) -> Response:
        return await answer(request, _scorer(champion, name, version))

    @made.post("/v2/models/{name}/infer", summary="Score vectors", **documented)
    async def infer(request: Request, name: str) -> Response:
        return await answer(request, _scorer(champion, name, None))

    async def answer(request: Request, scorer: Scorer) -> Response:
        body = await read_sized(request, settings, turns)
        told = await run_sized(turns, body, _answer(scorer, body, settings.max_households))
        return Response(told, media_type="application/json")

    return made


def _scorer(champion: Champion, name: str, version: str | None) -> Scorer:
    scorer = champion.scorer()
    if name != MODEL or version not in (None, scorer.model_version):
        raise Problem("model_not_found")
    return scorer


def _ready(scorer: Scorer) -> dict[str, Any]:
    return {"name": MODEL, "version": scorer.model_version, "ready": True}


def _describe(scorer: Scorer) -> dict[str, Any]:
    names = scorer.assessor.model.feature_names
    return {
        "name": MODEL,
        "versions": [scorer.model_version],
        "platform": "fangfan",
        "inputs": [{"name": VECTORS, "datatype": "FP64", "shape": [-1, len(names)]}]
        + [{"name": one, "datatype": "FP64", "shape": [-1]} for one in names],
        "outputs": [
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "log_odds", "datatype": "FP64", "shape": [-1]},
            {"name": "grade", "datatype": "BYTES", "shape": [-1]},
            *({"name": one, "datatype": "BYTES", "shape": [-1, -1]} for one in _TOLD),
        ],
    }


_TOLD = ("reason_codes", "reasons_zh", "reasons_en")
_NOTHING = ("", "", "")
"""A tensor has no holes: where there are fewer reasons, the texts are empty."""


class _Asked(NamedTuple):
    """What was asked for; `identity` is the request's own name, if it has one."""

    identity: str | None
    reasons: int
    matrix: Floats


@timed_steps
def _answer(scorer: Scorer, body: bytes, most: int) -> Steps[bytes]:
    model = scorer.assessor.model
    asked = read_json(body, lambda document: _read(document, model.feature_names, most), _count_names)
    yield
    found = score_vectors(model, asked.matrix, asked.reasons)
    yield
    outputs = _outputs(found, asked.reasons)
    answer = {"model_name": MODEL, "model_version": scorer.model_version, "outputs": outputs}
    return dump_json(answer if asked.identity is None else {"id": asked.identity, **answer})


def _read(given: Any, features: tuple[str, ...], most: int) -> _Asked:
    document = read_object(given, "", ("id", "parameters", "inputs", "outputs"))
    identity = document.get("id")
    if identity is not None and not (isinstance(identity, str) and len(identity) <= 100):
        refuse("/id", "wrong_type", "give a text of at most 100 characters, or leave it out")
    if document.get("outputs") is not None:
        refuse("/outputs", "unknown_field", "leave it out: every output is given")
    parameters = document.get("parameters")
    wanted = None
    if parameters is not None:
        wanted = read_object(parameters, "/parameters", ("reasons",)).get("reasons")
    reasons = read_reasons(wanted, "/parameters/reasons")
    return _Asked(identity, reasons, _matrix(read_list(document.get("inputs"), "/inputs"), features, most))


def _count_names(document: Any) -> int:
    """The names that the objects of a request without errors have."""
    return len(document) + len(document.get("parameters") or ()) + sum(map(len, document["inputs"]))


def _matrix(inputs: list[Any], features: tuple[str, ...], most: int) -> Floats:
    tensors = [_tensor(one, f"/inputs/{at}") for at, one in enumerate(inputs)]
    if len(tensors) == 1 and tensors[0][0] == VECTORS:
        _, shape, data = tensors[0]
        if len(shape) != 2 or shape[1] != len(features):
            refuse("/inputs/0/shape", "wrong_shape", f"give [n, {len(features)}]")
        check_count(shape[0], most, "/inputs/0/shape")
        matrix = np.array(data, dtype=np.float64).reshape(shape)
        is_nested = type(inputs[0]["data"][0]) is list

        def place(row: int, column: int) -> str:
            at = f"{row}/{column}" if is_nested else row * len(features) + column
            return f"/inputs/0/data/{at}"

        check_limits(matrix, features, place)
        return matrix
    places = places_of([name for name, _, _ in tensors], features, "/inputs")
    count = len(tensors[places[0]][2])
    check_count(count, most, "/inputs")
    for at, (_, shape, _) in enumerate(tensors):
        if shape not in ([count], [count, 1]):
            refuse(f"/inputs/{at}/shape", "wrong_shape", "give [n] or [n, 1], the same n for each feature")
    matrix = np.ascontiguousarray(np.array([tensors[at][2] for at in places], dtype=np.float64).T)
    check_limits(matrix, features, lambda row, column: f"/inputs/{places[column]}/data/{row}")
    return matrix


def _tensor(given: Any, at: str) -> tuple[Any, list[int], list[Any]]:
    tensor = read_object(given, at, ("name", "shape", "datatype", "data"))
    if tensor.get("datatype") != "FP64":
        refuse(f"{at}/datatype", "unknown_category", "give FP64")
    shape = read_list(tensor.get("shape"), f"{at}/shape")
    is_whole = 1 <= len(shape) <= 2 and {*map(type, shape)} == {int}
    if not is_whole or not 0 <= min(shape) <= max(shape) < 2**31:
        refuse(f"{at}/shape", "wrong_shape", "give one or two whole numbers")
    data = read_list(tensor.get("data"), f"{at}/data")
    if data and type(data[0]) is list:
        # Tensors may come nested as well as flat.
        width = shape[-1] if len(shape) == 2 else 1
        data = read_rows(data, width, len(data), f"{at}/data").ravel().tolist()
    else:
        check_numbers(data, f"{at}/data")
    if len(data) != math.prod(shape):
        refuse(f"{at}/data", "wrong_shape", "give as many values as the shape says")
    return tensor.get("name"), shape, data


def _outputs(found: VectorScores, reasons: int) -> list[dict[str, Any]]:
    count = len(found.scores)
    made = [
        {"name": "score", "datatype": "FP64", "shape": [count], "data": found.scores},
        {"name": "log_odds", "datatype": "FP64", "shape": [count], "data": found.log_odds},
        {"name": "grade", "datatype": "BYTES", "shape": [count], "data": found.grades},
    ]
    if reasons:
        told: list[tuple[str, str, str]] = []
        for each in found.reasons:
            told += [(one.code, *sentences(one)) for one in each]
            told += [_NOTHING] * (reasons - len(each))
        for name, data in zip(_TOLD, zip(*told, strict=True), strict=True):
            made.append({"name": name, "datatype": "BYTES", "shape": [count, reasons], "data": data})
    return made
