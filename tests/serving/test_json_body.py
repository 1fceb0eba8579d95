"""The fast way of reading JSON takes only what the careful one takes, with the same result."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api import json_body
from serving.api.documentation import example_request
from serving.api.json_body import dump_json
from serving.errors import Problem
from tests.serving.hostile import SYNTAX

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab[]{}\",:1\\户\u00e9", max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab{\"户", max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def check(body: bytes) -> None:
    found = json_body._parse_plain(body)
    if found is not json_body._NOT_PLAIN:
        wanted = json_body._parse_carefully(body)
        assert repr(found) == repr(wanted)


@given(_VALUES, st.booleans(), st.integers(0, 10**6))
def test_the_two_ways_agree_on_any_document_and_on_one_that_is_harmed(
    made: Any, escaped: bool, seed: int
) -> None:
    body = json.dumps(made, ensure_ascii=escaped).encode()
    check(body)
    rng = random.Random(seed)
    at = rng.randrange(len(body))
    check(
        body[:at]
        + rng.choice([b"", b'"', b"[", b"]", b"}", b"0", b"e9", b",", b"\xff", b"NaN"])
        + body[at + 1 :]
    )


@pytest.mark.parametrize("name", SYNTAX)
def test_what_is_not_strict_is_never_plain(name: str) -> None:
    body, _ = SYNTAX[name]
    assert json_body._parse_plain(body) is json_body._NOT_PLAIN


@pytest.mark.parametrize("body", [
    b'{"a":1,"a":1}', b'[{"b":{"a":1,"a":{}}}]', b"[1e400]", b"[-1e400]", b"18446744073709551616", b"[" * 13 + b"]" * 13,
    b'[[[[[[["]"]["["],[[[[[["x"]]]]]]]]]]]]', b'"\xed\xa0\x80"', b"[NaN]", b'{"a":"x" "a":"x"}', b"\xef\xbb\xbf1", b"",
])  # fmt: skip
def test_the_usual_tricks_are_left_to_the_careful_way(body: bytes) -> None:
    assert json_body._parse_plain(body) is json_body._NOT_PLAIN


@pytest.mark.parametrize(
    "number", ["0.0001234567890123456789", "12.0000000000000000000", "-0.00000000000000000001e5"]
)
def test_a_long_fraction_goes_the_fast_way(number: str) -> None:
    assert repr(json_body._parse_plain(f"[{number}]".encode())) == repr([float(number)])
    assert json_body._parse_plain(f"[{number}, 1234567890123456789]".encode()) is json_body._NOT_PLAIN


def test_the_example_goes_the_fast_way() -> None:
    body = json.dumps(example_request(), ensure_ascii=False).encode()
    assert json_body._parse_plain(body) == example_request()


def test_an_answer_is_written_as_before_and_never_with_what_is_no_number() -> None:
    answer = {
        "households": example_request(),
        "NaN": [0.1, 1e-7, 5e-324, -0.0, 10**15 + 0.5, "Infinity", "户"],
    }
    assert json.loads(dump_json(answer)) == answer
    for one in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            dump_json({"a": [one]})


@pytest.mark.parametrize("begins", ["[", '{"a":'])
@pytest.mark.parametrize("inner", ["[", '{"a":'])
def test_both_ways_count_the_levels_alike(begins: str, inner: str) -> None:
    for depth in range(1, 2 * json_body.DEEPEST + 2):
        opened = [begins if at % 2 == 0 else inner for at in range(depth)]
        closed = ["]" if one == "[" else "}" for one in reversed(opened)]
        body = "".join([*opened[:-1], opened[-1][0], *closed]).encode()
        if depth <= json_body.DEEPEST:
            assert json_body.parse_json(body) == json.loads(body)
        else:
            with pytest.raises(Problem, match="json_too_deep"):
                json_body.parse_json(body)
