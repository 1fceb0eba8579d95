"""A corpus of bodies that must each be refused with a 4xx and its code. Markers are looked for in answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from serving.api.documentation import example_request

CANARY = "CANARY7f3a9"
"""Put wherever a value may stand; no answer and no log line may hold it."""

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    """The example after a change."""
    made = copy.deepcopy(example_request())
    change(made)
    return json.dumps(made, ensure_ascii=False).encode()


def first(document: dict[str, Any], feed: str) -> dict[str, Any]:
    row: dict[str, Any] = document["households"][0]["signals"][feed][0]
    return row


def put(feed: str, name: str, value: object) -> bytes:
    return changed(lambda d: first(d, feed).__setitem__(name, value))


def text(old: str, new: str) -> bytes:
    """The example's text with one part replaced, for what `json.dumps` would not write."""
    whole = json.dumps(example_request())
    assert old in whole
    return whole.replace(old, new, 1).encode()


SYNTAX: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "json_malformed"),
    "blank": (b"  \n ", "json_malformed"),
    "truncated": (json.dumps(example_request()).encode()[:-7], "json_malformed"),
    "two documents": (b"{} {}", "json_malformed"),
    "trailing comma": (b'{"as_of_date": "2026-10-31",}', "json_malformed"),
    "single quotes": (b"{'as_of_date': 1}", "json_malformed"),
    "comment": (b'{/* */"as_of_date": 1}', "json_malformed"),
    "unterminated text": (b'{"as_of_date": "' + CANARY.encode(), "json_malformed"),
    "many unterminated texts": (b'"\\' * 60_000, "json_malformed"),
    "raw control character": (b'{"as_of_date": "a\x01b"}', "json_malformed"),
    "raw NUL": (b'{"as_of_date": "a\x00b"}', "json_malformed"),
    "closing only": (b"]" * 50, "json_malformed"),
    "byte order mark": (b"\xef\xbb\xbf" + json.dumps(example_request()).encode(), "json_malformed"),
    "UTF-16": (json.dumps(example_request()).encode("utf-16"), "json_not_utf8"),
    "gb18030": (json.dumps({"as_of_date": "重庆"}, ensure_ascii=False).encode("gb18030"), "json_not_utf8"),
    "broken UTF-8": (b'{"as_of_date": "\xff\xfe"}', "json_not_utf8"),
    "NaN": (text("1285.4", "NaN"), "json_not_finite"),
    "Infinity": (text("1285.4", "Infinity"), "json_not_finite"),
    "-Infinity": (text("1285.4", "-Infinity"), "json_not_finite"),
    "1e400": (text("1285.4", "1e400"), "json_not_finite"),
    "-1e999": (text("1285.4", "-1e999"), "json_not_finite"),
    "2^63": (text("1285.4", str(2**63)), "json_number_too_large"),
    "-2^63-1": (text("1285.4", str(-(2**63) - 1)), "json_number_too_large"),
    "9999 digits": (text("1285.4", "9" * 9_999), "json_number_too_large"),
    "doubled key at the top": (b'{"as_of_date": 1, "as_of_date": 2}', "json_duplicate_key"),
    "doubled key in a row": (text('"land_mu": 4', '"land_mu": 4, "land_mu": 5'), "json_duplicate_key"),
    "doubled key by escape": (text('"land_mu": 4', '"land_mu": 4, "land_m\\u0075": 5'), "json_duplicate_key"),
    "NUL in a text": (text("EXAMPLE-0001", "EX\\u0000"), "json_nul"),
    "NUL in a name": (text('"land_mu"', '"land\\u0000mu"'), "json_nul"),
    "lone high surrogate": (text("EXAMPLE-0001", "EX\\ud83d"), "json_lone_surrogate"),
    "lone low surrogate": (text("EXAMPLE-0001", "EX\\uDE00x"), "json_lone_surrogate"),
    "surrogate in a name": (text('"land_mu"', '"land\\ud800"'), "json_lone_surrogate"),
    "13 levels": (b"[" * 13 + b"]" * 13, "json_too_deep"),
    "100,000 levels": (b"[" * 100_000, "json_too_deep"),
    "deep objects": (b'{"a":' * 40 + b"1" + b"}" * 40, "json_too_deep"),
}
"""Name → body and the problem's code."""

RULES: dict[str, tuple[bytes, str, str]] = {
    "null": (b"null", "", "wrong_type"),
    "array": (b"[]", "", "wrong_type"),
    "text": (f'"{CANARY}"'.encode(), "", "wrong_type"),
    "number": (b"7", "", "wrong_type"),
    "empty object": (b"{}", "/as_of_date", "missing"),
    "unknown top name": (changed(lambda d: d.update({CANARY: 1})), "", "unknown_field"),
    "no households": (changed(lambda d: d.pop("households")), "/households", "missing"),
    "households null": (changed(lambda d: d.update(households=None)), "/households", "missing"),
    "households empty": (changed(lambda d: d.update(households=[])), "/households", "wrong_number"),
    "households object": (changed(lambda d: d.update(households={})), "/households", "wrong_type"),
    "household a text": (changed(lambda d: d.update(households=[CANARY])), "/households/0", "wrong_type"),
    "too many": (
        changed(lambda d: d.update(households=[{"household_id": str(n)} for n in range(1001)])),
        "/households",
        "wrong_number",
    ),
    "date a number": (changed(lambda d: d.update(as_of_date=20261031)), "/as_of_date", "not_a_date"),
    "date a moment": (
        changed(lambda d: d.update(as_of_date="2026-10-31T00:00")),
        "/as_of_date",
        "not_a_date",
    ),
    "no such day": (changed(lambda d: d.update(as_of_date="2026-02-30")), "/as_of_date", "not_a_date"),
    "date a list": (changed(lambda d: d.update(as_of_date=[CANARY])), "/as_of_date", "not_a_date"),
    "date in full-width digits": (
        changed(lambda d: d.update(as_of_date="２０２６-10-31")),
        "/as_of_date",
        "not_a_date",
    ),
    "before the policy": (
        changed(lambda d: d.update(as_of_date="2019-01-01")),
        "/as_of_date",
        "before_policy",
    ),
    "a day to come": (changed(lambda d: d.update(as_of_date="2098-12-31")), "/as_of_date", "in_the_future"),
    "far past": (changed(lambda d: d.update(as_of_date="0001-01-01")), "/as_of_date", "out_of_range"),
    "far future": (changed(lambda d: d.update(as_of_date="9999-12-31")), "/as_of_date", "out_of_range"),
    "coverage object": (changed(lambda d: d.update(coverage={CANARY: 1})), "/coverage", "wrong_type"),
    "coverage of texts": (changed(lambda d: d.update(coverage=[CANARY])), "/coverage/0", "wrong_type"),
    "unknown feed": (
        changed(lambda d: d["coverage"][0].update(feed=CANARY)),
        "/coverage/0/feed",
        "unknown_category",
    ),
    "feed a list": (
        changed(lambda d: d["coverage"][0].update(feed=[1])),
        "/coverage/0/feed",
        "unknown_category",
    ),
    "area a number": (
        changed(lambda d: d["coverage"][0].update(area_code=5)),
        "/coverage/0/area_code",
        "malformed",
    ),
    "area of 5": (
        changed(lambda d: d["coverage"][0].update(area_code="50099")),
        "/coverage/0/area_code",
        "malformed",
    ),
    "coverage backwards": (
        changed(lambda d: d["coverage"][0].update(complete_until="2020-01-01")),
        "/coverage/0/complete_until",
        "ended_before_start",
    ),
    "coverage undated": (
        changed(lambda d: d["coverage"][0].pop("known_on")),
        "/coverage/0/known_on",
        "missing",
    ),
    "coverage with more": (
        changed(lambda d: d["coverage"][0].update({CANARY: 1})),
        "/coverage/0",
        "unknown_field",
    ),
    "key a number": (
        changed(lambda d: d["households"][0].update(household_id=500101199001011234)),
        "/households/0/household_id",
        "not_text",
    ),
    "key with a space": (
        changed(lambda d: d["households"][0].update(household_id=f"{CANARY} x")),
        "/households/0/household_id",
        "malformed",
    ),
    "key too long": (
        changed(lambda d: d["households"][0].update(household_id="9" * 65)),
        "/households/0/household_id",
        "malformed",
    ),
    "key empty": (
        changed(lambda d: d["households"][0].update(household_id="")),
        "/households/0/household_id",
        "missing",
    ),
    "household twice": (
        changed(lambda d: d["households"].append(d["households"][0])),
        "/households/1/household_id",
        "repeated_household",
    ),
    "row twice": (
        changed(
            lambda d: d["households"][0]["signals"]["illness"].append(
                d["households"][0]["signals"]["illness"][0]
            )
        ),
        "/households/0/signals/illness/2",
        "repeated_row",
    ),
    "unknown household name": (
        changed(lambda d: d["households"][0].update({CANARY: CANARY})),
        "/households/0",
        "unknown_field",
    ),
    "signals a list": (
        changed(lambda d: d["households"][0].update(signals=[])),
        "/households/0/signals",
        "wrong_type",
    ),
    "unknown feed of signals": (
        changed(lambda d: d["households"][0]["signals"].update({CANARY: []})),
        "/households/0/signals",
        "unknown_field",
    ),
    "feed null": (
        changed(lambda d: d["households"][0]["signals"].update(illness=None)),
        "/households/0/signals/illness",
        "wrong_type",
    ),
    "row a number": (
        changed(lambda d: d["households"][0]["signals"].update(illness=[3])),
        "/households/0/signals/illness/0",
        "wrong_type",
    ),
    "unknown field of a row": (put("illness", CANARY, 1), "/households/0/signals/illness/0", "unknown_field"),
    "row of another household": (
        put("illness", "household_id", CANARY),
        "/households/0/signals/illness/0/household_id",
        "other_household",
    ),
    "row with a listed key": (
        put("illness", "household_id", [CANARY]),
        "/households/0/signals/illness/0/household_id",
        "other_household",
    ),
    "money as text": (
        put("illness", "total_yuan", "52300"),
        "/households/0/signals/illness/0/total_yuan",
        "wrong_type",
    ),
    "money as a flag": (
        put("illness", "total_yuan", True),
        "/households/0/signals/illness/0/total_yuan",
        "not_a_number",
    ),
    "money as a list": (
        put("illness", "total_yuan", [1]),
        "/households/0/signals/illness/0/total_yuan",
        "not_a_number",
    ),
    "money null": (
        put("illness", "total_yuan", None),
        "/households/0/signals/illness/0/total_yuan",
        "missing",
    ),
    "money negative": (
        put("illness", "total_yuan", -1),
        "/households/0/signals/illness/0/total_yuan",
        "out_of_range",
    ),
    "money huge": (
        put("illness", "total_yuan", 1e300),
        "/households/0/signals/illness/0/total_yuan",
        "out_of_range",
    ),
    "money in parts of a fen": (
        put("illness", "total_yuan", 0.001),
        "/households/0/signals/illness/0/total_yuan",
        "too_precise",
    ),
    "parts exceed the total": (
        put("illness", "total_yuan", 5),
        "/households/0/signals/illness/0/self_paid_yuan",
        "parts_exceed_total",
    ),
    "flag as a number": (
        put("illness", "is_serious_disease", 1),
        "/households/0/signals/illness/0/is_serious_disease",
        "not_a_flag",
    ),
    "flag as text": (
        put("illness", "is_serious_disease", "true"),
        "/households/0/signals/illness/0/is_serious_disease",
        "wrong_type",
    ),
    "count with a fraction": (
        put("household", "land_mu", 4.5),
        "/households/0/signals/household/0/land_mu",
        "not_a_number",
    ),
    "count out of range": (
        put("household", "land_mu", 10_001),
        "/households/0/signals/household/0/land_mu",
        "out_of_range",
    ),
    "count 1e308": (
        put("household", "land_mu", 1e308),
        "/households/0/signals/household/0/land_mu",
        "out_of_range",
    ),
    "unknown category": (
        put("illness", "care", CANARY),
        "/households/0/signals/illness/0/care",
        "unknown_category",
    ),
    "category an object": (
        put("illness", "care", {"a": CANARY}),
        "/households/0/signals/illness/0/care",
        "not_text",
    ),
    "village of 11": (
        put("household", "village_code", "50099910020"),
        "/households/0/signals/household/0/village_code",
        "malformed",
    ),
    "known before it happened": (
        put("illness", "known_on", "2020-01-01"),
        "/households/0/signals/illness/0/known_on",
        "known_before_occurred",
    ),
    "no arrival": (
        changed(lambda d: first(d, "illness").pop("known_on")),
        "/households/0/signals/illness/0/known_on",
        "missing",
    ),
    "end without its arrival": (
        put("household", "ended_on", "2026-01-01"),
        "/households/0/signals/household/0/ended_known_on",
        "end_undated",
    ),
    "not registered yet": (
        put("household", "known_on", "2027-01-01"),
        "/households/0/signals/household",
        "not_registered",
    ),
    "no register row": (
        changed(lambda d: d["households"][0]["signals"].pop("household")),
        "/households/0/signals/household",
        "not_registered",
    ),
    "markup in a value": (
        put("illness", "member_id", f"<script>{CANARY}</script>"),
        "/households/0/signals/illness/0/member_id",
        "malformed",
    ),
    "formula in a value": (
        put("illness", "member_id", f"=cmd|{CANARY}"),
        "/households/0/signals/illness/0/member_id",
        "malformed",
    ),
}
"""Name → body, and the pointer and code of one of its errors."""
