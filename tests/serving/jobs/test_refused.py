"""Refused rows as a table."""

from __future__ import annotations

from features.signals import CONTRACTS
from features.signals.intake import take_in
from serving.bulk.refused import refused_rows


def test_errors_of_many_rows_hold_each_text_once() -> None:
    empty = dict.fromkeys(field.surface for field in CONTRACTS["household"].fields)
    rows = [{**empty, "household_id": f"J{number}", "village_code": "5"} for number in range(2_000)]
    found = refused_rows({"household": take_in("household", rows)}, [])
    codes = set(zip(found["field"].to_pylist(), found["code"].to_pylist(), strict=True))
    assert ("village_code", "malformed") in codes
    assert len(found) == 2_000 * len(codes)
    assert found["row"].to_pylist() == sorted(found["row"].to_pylist())
    assert found.nbytes < 50 * len(found)
