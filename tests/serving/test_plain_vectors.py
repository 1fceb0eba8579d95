"""Vectors are read unproven first, and are what the careful way makes of them, its refusals too."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import FEATURES
from serving.api import inference, json_body
from serving.errors import Problem
from tests.serving.test_plain_requests import ANY_BYTES, ANY_TEXT, names_of

NAMES = tuple(FEATURES)[:3]
MOST = 3
ROWS: list[list[float | None]] = [[1.0, None, 0.25], [0, 2e0, 0.1]]


def tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


FORMS: list[dict[str, Any]] = [
    {"inputs": [tensor("vectors", [2, 3], [one for row in ROWS for one in row])]},
    {"id": "a", "parameters": {"reasons": 4}, "inputs": [tensor("vectors", [2, 3], ROWS)], "outputs": None},
    {"id": "a:b", "parameters": {}, "inputs": [tensor("vectors", [1, 3], ROWS[:1])]},
    {"parameters": None, "inputs": [tensor(name, [1], [0.5]) for name in NAMES]},
]


def outcome(body: bytes, document: Any = None) -> tuple[Any, ...]:
    """What a body comes to: what is asked for, to the last bit, or everything that is said against it."""

    def read(given: Any) -> Any:
        return inference._read(given, NAMES, MOST)

    try:
        if document is None:
            asked = json_body.read_json(body, read, inference._count_names)
        else:
            asked = read(document())
    except Problem as problem:
        return problem.code, repr(problem.errors)
    return asked.identity, asked.reasons, asked.matrix.shape, asked.matrix.tobytes()


def check(body: bytes) -> None:
    assert outcome(body) == outcome(body, lambda: json_body._parse_carefully(body))


@pytest.mark.parametrize("at", range(len(FORMS)))
def test_what_is_taken_at_once_is_not_proven(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(FORMS[at]).encode()
    wanted = outcome(body, lambda: json_body._parse_carefully(body))
    proven: list[bytes] = []

    def prove(body: bytes) -> Any:
        proven.append(body)
        return json.loads(body)

    monkeypatch.setattr(json_body, "parse_json", prove)
    assert outcome(body) == wanted
    # A colon in a text may be that of a name which came twice.
    assert len(proven) == (FORMS[at].get("id") == "a:b")


@pytest.mark.parametrize("form", FORMS)
def test_the_names_of_a_request_are_all_of_them(form: dict[str, Any]) -> None:
    assert inference._count_names(form) == names_of(form)


@given(st.sampled_from(FORMS), st.integers(0, 10**9))
def test_the_two_ways_agree_where_a_value_is_another(form: dict[str, Any], seed: int) -> None:
    rng, body = random.Random(seed), json.dumps(form)
    start = rng.choice([at for at, one in enumerate(body) if one in ":[,"]) + 1
    end = next((at for at in range(start, len(body)) if body[at] in ",]}"), start)
    check(f"{body[:start]}{rng.choice(ANY_TEXT)}{body[end:]}".encode())


@given(st.sampled_from(FORMS), st.integers(0, 10**9), st.integers(1, 3))
def test_the_two_ways_agree_where_bytes_are_others(form: dict[str, Any], seed: int, times: int) -> None:
    rng, body = random.Random(seed), json.dumps(form).encode()
    for _ in range(times):
        at = rng.randrange(len(body))
        body = body[:at] + rng.choice(ANY_BYTES) + body[at + rng.choice([0, 1, 1, 12]) :]
    check(body)


@pytest.mark.parametrize("twice", [
    b'{"id": "a", "id": "b", "inputs": []}',
    json.dumps(FORMS[0]).replace('"shape"', '"data": [1], "shape"').encode(),
    json.dumps(FORMS[1]).replace('"reasons"', '"reasons": 1, "reasons"').encode(),
])  # fmt: skip
def test_a_name_that_comes_twice_is_refused(twice: bytes) -> None:
    assert outcome(twice)[0] == "json_duplicate_key"
