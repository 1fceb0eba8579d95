"""The fast way of reading a request takes only what the careful one takes, as the same request."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.policy import DEFAULT_REGION
from features.signals import REQUEST_FEEDS, Delivery
from serving.api import json_body, score_request
from serving.api.documentation import example_request
from serving.api.score_request import RequestReader, ScoreRequest
from serving.errors import Problem
from serving.rules_scorer import RulesScorer
from serving.scorer import HouseholdRows
from tests.serving.hostile import RULES, SYNTAX

SCORER = RulesScorer(DEFAULT_REGION)
MOST = 3
ANY_TEXT = [
    "null", "true", "false", "0", "1", "-0", "-0.0", "3.0", "1e2", "650.00000000000000000000001", "1e400", "-1e400",
    "NaN", "Infinity", "18446744073709551616", "1" + "0" * 400, "01", "1_000", "12.345", "10000000", "10000000.01",
    '""', '" 12000 "', '"1"', '"true"', '"a:b"', '"\\u0000"', '"\\ud800"', '"\\u0061"', '"２０２６-01-01"', '"é"', '"',
    '"2026-02-30"', '"1899-12-31"', '"2024-02-29"', '"2026-10-31"', '"2026-10-31T00:00:00"', '"500999"', '"none"', '"\x00"',
    "[]", "{}", "[1]", '{"a":{"a":1}}', '{"household_id":"EXAMPLE-0001"}', "[" * 14 + "]" * 14, "[[", "}", "",
]  # fmt: skip
ANY_BYTES = [
    b"",
    b'"',
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b",",
    b"0",
    b".",
    b"e9",
    b" ",
    b"\\",
    b"\xff",
    b"\x00",
    b"NaN",
]


def small_request() -> dict[str, Any]:
    """The example with two rows of a feed and three areas' coverage, so that a change hits each part."""
    made = example_request()
    made["coverage"] = made["coverage"][:3]
    for one in made["households"]:
        one["signals"] = {feed: rows[:2] for feed, rows in one["signals"].items()}
    return made


def carefully(body: bytes) -> ScoreRequest:
    """The request as the authorities have it: the strict decoder, and the contract row by row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_request, "_READERS", {feed: lambda *_: None for feed in REQUEST_FEEDS})
        return RequestReader(SCORER, MOST).read(json_body._parse_carefully(body))


def by_name(households: list[HouseholdRows]) -> list[HouseholdRows]:
    return [replace(one, rows=dict(one.rows)) for one in households]


def check(body: bytes) -> bool:
    """Whether the fast way took a body; what it took is what the careful way makes of it."""
    found = RequestReader(SCORER, MOST).read_plain(body)
    if found is None:
        return False
    wanted = carefully(body)
    assert repr(found.as_of) == repr(wanted.as_of)
    assert found.coverage.deliveries == wanted.coverage.deliveries
    # By its text `True` is not 1, and 1.0 not either; the order of feeds and columns counts.
    assert repr(by_name(found.households)) == repr(by_name(wanted.households))
    return True


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document but its top."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    for name, one in inner:
        yield (*at, name)
        if isinstance(one, dict | list):
            yield from places(one, (*at, name))


PLACES = list(places(small_request()))
SMALL = json.dumps(small_request(), ensure_ascii=False)
NAMES = [found.span() for found in re.finditer(r'"\w+": ', SMALL)]
SPACES = [(", ", ": "), (",", ":"), (" ,\n", " :\t")]


@pytest.mark.parametrize("spaces", SPACES)
def test_the_example_goes_the_fast_way(spaces: tuple[str, str]) -> None:
    assert check(json.dumps(example_request(), separators=spaces).encode())
    assert check(json.dumps(small_request(), separators=spaces).encode())


def test_names_that_a_contract_lets_be_absent_may_be_there_without_a_value() -> None:
    document = small_request()
    (household,) = document["households"]
    for feed, rows in household["signals"].items():
        for row in rows:
            row.update({
                one.surface: None for one in REQUEST_FEEDS[feed].fields if one.surface not in row
            } | {"household_id": household["household_id"]})  # fmt: skip
    assert check(json.dumps(document).encode())


@pytest.mark.parametrize("change", [
    {"area_code": "510999"}, {"known_on": "2026-10-21"}, {"complete_from": "2023-01-02"}, {"feed": "water"},
])  # fmt: skip
def test_a_coverage_like_one_that_was_read_before_is_its_own(change: dict[str, str]) -> None:
    request = small_request()
    first = carefully(json.dumps(request).encode()).coverage.deliveries
    row = request["coverage"][1]
    row.update(change)
    told = carefully(json.dumps(request).encode()).coverage.deliveries
    assert (told[0], told[2]) == (first[0], first[2])
    days = [dt.date.fromisoformat(row[name]) for name in ("complete_from", "complete_until", "known_on")]
    assert told[1] == Delivery(row["feed"], row["area_code"], *days) != first[1]


@pytest.mark.parametrize(("change", "code"), [
    ({"more": "x"}, "unknown_field"), ({"known_on": None}, "missing"), ({"known_on": 20261020}, "not_a_date"),
    ({"complete_until": "2026-10-21"}, "complete_before_known"), ({"area_code": 500999}, "malformed"),
])  # fmt: skip
def test_what_is_wrong_with_a_coverage_is_told_each_time(change: dict[str, Any], code: str) -> None:
    request = small_request()
    carefully(json.dumps(request).encode())
    request["coverage"][1].update(change)
    for _ in range(2):
        with pytest.raises(Problem) as caught:
            carefully(json.dumps(request).encode())
        assert [one.code for one in caught.value.errors] == [code]


@given(st.sampled_from(PLACES), st.sampled_from(ANY_TEXT), st.sampled_from(SPACES))
def test_the_two_ways_agree_on_any_value_anywhere(
    place: tuple[Any, ...], value: str, spaces: tuple[str, str]
) -> None:
    document: Any = small_request()
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = "MARK"
    check(json.dumps(document, separators=spaces).replace('"MARK"', value).encode())


@given(st.sampled_from(NAMES), st.sampled_from(ANY_TEXT), st.booleans(), st.booleans())
def test_a_name_that_comes_twice_is_never_taken(
    span: tuple[int, int], value: str, comes_first: bool, escaped: bool
) -> None:
    name = SMALL[slice(*span)]
    again = name.replace("_", "\\u005f") if escaped else name
    if comes_first:
        body = f"{SMALL[: span[0]]}{again}{value}, {SMALL[span[0] :]}"
    else:
        # Where a value ends only the decoder knows: what comes again is put at the end of the object.
        _, end = json.JSONDecoder().raw_decode(SMALL, span[1])
        body = f"{SMALL[:end]}, {again}{value}{SMALL[end:]}"
    assert not check(body.encode())
    with pytest.raises(Problem):
        carefully(body.encode())


@given(st.integers(0, 10**9), st.integers(1, 3))
def test_the_two_ways_agree_on_a_text_that_is_harmed(seed: int, times: int) -> None:
    rng = random.Random(seed)
    body = SMALL.encode()
    for _ in range(times):
        at = rng.randrange(len(body))
        body = body[:at] + rng.choice(ANY_BYTES) + body[at + rng.choice([0, 1, 1, 12]) :]
    check(body)


@given(st.integers(0, 10**9))
def test_the_two_ways_agree_on_rows_that_are_made_up(seed: int) -> None:
    rng = random.Random(seed)
    document = small_request()
    signals = document["households"][0]["signals"]
    for feed in rng.sample(list(REQUEST_FEEDS), 3):
        rows = [REQUEST_FEEDS[feed].generate(rng) for _ in range(rng.randrange(4))]
        for row in rows:
            del row["household_id"]
        signals[feed] = signals.get(feed, [])[: rng.randrange(2)] + rows
        if rows and rng.random() < 0.2:
            signals[feed].append(copy.deepcopy(rows[0]))
    check(json.dumps(document, default=str).encode())


@pytest.mark.parametrize("name", [*SYNTAX, *RULES])
def test_what_is_refused_is_never_taken(name: str) -> None:
    body = SYNTAX[name][0] if name in SYNTAX else RULES[name][0]
    assert RequestReader(SCORER, MOST).read_plain(body) is None


@pytest.mark.parametrize("body", [
    b"null", b"[]", b"1", b"{}", b'"x"', b'{"as_of_date":1,"coverage":1,"households":1}', b"[" * 10**6,
    b'{"as_of_date":"2026-10-31","household_ids":["A"]}', b'{"as_of_date":"2026-10-31","coverage":[],"households":[null]}',
])  # fmt: skip
def test_what_is_no_request_is_never_taken(body: bytes) -> None:
    assert RequestReader(SCORER, MOST).read_plain(body) is None


@given(
    st.text("0123456789", min_size=1, max_size=30),
    st.text("0123456789", min_size=1, max_size=30),
    st.integers(-30, 30),
)
def test_a_number_of_any_length_is_read_to_the_last_bit(whole: str, part: str, exponent: int) -> None:
    text = f"{int(whole)}.{part}e{exponent}"
    assert repr(json_body.parse_unproven(text.encode())) == repr(float(text))


@given(st.integers(0, 10**11), st.integers(0, 40))
def test_a_number_half_way_between_two_floats_is_read_to_the_last_bit(fen: int, zeros: int) -> None:
    low = fen / 100
    with localcontext(prec=200):
        middle = format((Decimal(low) + Decimal(math.nextafter(low, math.inf))) / 2, "f")
    for text in (middle, f"{middle}{'0' * zeros}1"):
        assert repr(json_body.parse_unproven(text.encode())) == repr(float(text))


def names_of(document: Any) -> int:
    """The names of all objects of a document, by walking it."""
    if isinstance(document, Mapping):
        return len(document) + sum(names_of(one) for one in document.values())
    return sum(names_of(one) for one in document) if isinstance(document, list) else 0


def test_the_names_of_a_request_are_all_of_them() -> None:
    document = example_request()
    document["households"].append({"household_id": "B", "signals": {"water": []}})
    assert score_request._count_names(document) == names_of(document)
