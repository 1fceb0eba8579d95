"""Plans that must each be refused: name → the measures, and the pointer and code of one of the errors."""

from __future__ import annotations

import copy
import json

from serving.api.documentation import example_what_if
from tests.serving.hostile import CANARY


def plan(measures: object) -> bytes:
    """The example with other measures."""
    made = copy.deepcopy(example_what_if())
    made["measures"] = measures
    return json.dumps(made, ensure_ascii=False).encode()


def one(**values: object) -> bytes:
    """The example with one measure, 低保 unless said otherwise."""
    return plan([{"code": "dibao"} | values])


def text(old: str, new: str) -> bytes:
    """The example's text with one part replaced, for what `json.dumps` would not write."""
    whole = json.dumps(example_what_if())
    assert old in whole
    return whole.replace(old, new, 1).encode()


SYNTAX: dict[str, tuple[bytes, str]] = {
    "NaN amount": (text('"amount_yuan": 8000', '"amount_yuan": NaN'), "json_not_finite"),
    "infinite amount": (text('"amount_yuan": 8000', '"amount_yuan": Infinity'), "json_not_finite"),
    "1e400": (text('"amount_yuan": 8000', '"amount_yuan": 1e400'), "json_not_finite"),
    "2^63": (text('"amount_yuan": 8000', f'"amount_yuan": {2**63}'), "json_number_too_large"),
    "9999 digits": (text('"persons": 1', '"persons": ' + "9" * 9_999), "json_number_too_large"),
    "doubled amount": (
        text('"amount_yuan": 8000', '"amount_yuan": 1, "amount_yuan": 8000'),
        "json_duplicate_key",
    ),
    "doubled code": (text('"code": "dibao"', '"code": "dibao", "c\\u006fde": "job"'), "json_duplicate_key"),
    "doubled measures": (text('"measures":', '"measures": [], "measures":'), "json_duplicate_key"),
    "NUL in a code": (text('"dibao"', '"dibao\\u0000"'), "json_nul"),
    "half a pair": (text('"dibao"', '"dibao\\ud800"'), "json_lone_surrogate"),
    "deep": (text('"code": "dibao"', '"code": ' + "[" * 12 + "]" * 12), "json_too_deep"),
}
"""Name → body and the problem's code."""

RULES: dict[str, tuple[bytes, str, str]] = {
    "no measures": (text('"measures"', '"plan"'), "", "unknown_field"),
    "measures null": (plan(None), "/measures", "missing"),
    "measures an object": (plan({CANARY: 1}), "/measures", "wrong_type"),
    "measures a text": (plan(CANARY), "/measures", "wrong_type"),
    "measure a text": (plan([CANARY]), "/measures/0", "wrong_type"),
    "measure null": (plan([None]), "/measures/0", "wrong_type"),
    "measure a list": (plan([[]]), "/measures/0", "wrong_type"),
    "measure empty": (plan([{}]), "/measures/0/code", "missing"),
    "21 measures": (plan([{"code": "dibao"}] * 21), "/measures", "wrong_number"),
    "30,000 measures": (plan([{}] * 30_000), "/measures", "wrong_number"),
    "unknown name": (one(**{CANARY: CANARY}), "/measures/0", "unknown_field"),
    "unknown measure": (one(code=CANARY), "/measures/0/code", "unknown_measure"),
    "code in another case": (one(code="DIBAO"), "/measures/0/code", "unknown_measure"),
    "code with a space": (one(code="dibao "), "/measures/0/code", "unknown_measure"),
    "code empty": (one(code=""), "/measures/0/code", "unknown_measure"),
    "code a number": (one(code=1), "/measures/0/code", "unknown_measure"),
    "code a list": (one(code=["dibao"]), "/measures/0/code", "unknown_measure"),
    "code an object": (one(code={CANARY: 1}), "/measures/0/code", "unknown_measure"),
    "code a path": (one(code="../monitoring_line"), "/measures/0/code", "unknown_measure"),
    "twice": (plan([{"code": "dibao"}, {"code": "dibao"}]), "/measures/1/code", "repeated_measure"),
    "amount a text": (one(amount_yuan="490"), "/measures/0/amount_yuan", "wrong_type"),
    "amount true": (one(amount_yuan=True), "/measures/0/amount_yuan", "not_a_number"),
    "amount a list": (one(amount_yuan=[1]), "/measures/0/amount_yuan", "not_a_number"),
    "amount 0": (one(amount_yuan=0), "/measures/0/amount_yuan", "out_of_range"),
    "amount −0.0": (one(amount_yuan=-0.0), "/measures/0/amount_yuan", "out_of_range"),
    "amount below 0": (one(amount_yuan=-490), "/measures/0/amount_yuan", "out_of_range"),
    "amount in fen": (one(amount_yuan=49_000), "/measures/0/amount_yuan", "out_of_range"),
    "amount 1e308": (one(amount_yuan=1e308), "/measures/0/amount_yuan", "out_of_range"),
    "amount 5e-324": (one(amount_yuan=5e-324), "/measures/0/amount_yuan", "too_precise"),
    "parts of a fen": (one(amount_yuan=490.001), "/measures/0/amount_yuan", "too_precise"),
    "amount in kind": (one(code="water_supply", amount_yuan=5), "/measures/0/amount_yuan", "not_taken"),
    "start a number": (one(starts_on=20261101), "/measures/0/starts_on", "not_a_date"),
    "start empty": (one(starts_on=""), "/measures/0/starts_on", "wrong_type"),
    "start a moment": (one(starts_on="2026-11-01T00:00:00"), "/measures/0/starts_on", "not_a_date"),
    "no such day": (one(starts_on="2027-02-29"), "/measures/0/starts_on", "not_a_date"),
    "start on the date": (one(starts_on="2026-10-31"), "/measures/0/starts_on", "outside_period"),
    "start long ago": (one(starts_on="1900-01-01"), "/measures/0/starts_on", "outside_period"),
    "start too late": (one(starts_on="2027-11-01"), "/measures/0/starts_on", "outside_period"),
    "start far off": (one(starts_on="9999-12-31"), "/measures/0/starts_on", "out_of_range"),
    "not in force": (one(code="microloan"), "/measures/0/starts_on", "not_in_force"),
    "end before start": (
        one(starts_on="2026-12-01", ends_on="2026-11-30"),
        "/measures/0/ends_on",
        "ended_before_start",
    ),
    "end of help given once": (
        one(code="temporary_relief", ends_on="2026-12-31"),
        "/measures/0/ends_on",
        "not_taken",
    ),
    "more posts than hands": (
        one(code="public_welfare_post", persons=3),
        "/measures/0/persons",
        "too_many_persons",
    ),
    "pupils it has not": (one(code="yulu"), "/measures/0/persons", "too_many_persons"),
    "what excludes each other": (
        plan([{"code": "dibao"}, {"code": "tekun"}]),
        "/measures/1/code",
        "exclusive_measures",
    ),
    "persons of a household": (one(persons=2), "/measures/0/persons", "not_taken"),
    "no persons": (one(code="job", persons=0), "/measures/0/persons", "out_of_range"),
    "21 persons": (one(code="job", persons=21), "/measures/0/persons", "out_of_range"),
    "half a person": (one(code="job", persons=1.5), "/measures/0/persons", "not_a_number"),
    "persons a text": (one(code="job", persons="2"), "/measures/0/persons", "wrong_type"),
    "persons true": (one(code="job", persons=True), "/measures/0/persons", "not_a_number"),
}
"""Name → body, and the pointer and code of one of its errors."""
