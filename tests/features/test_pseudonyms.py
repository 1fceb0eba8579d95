"""Keys that are somebody's numbers are refused on every way in, and no others are."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.signals import CONTRACTS
from features.signals.defects import Defect
from features.signals.fields import Identifier
from features.signals.reading import compile_reader

SOMEBODY = ("11010519491231002X", "11010519491231002x", "440524188001010014", "13800138000", "19999999999")
NOBODY = (
    "110105194912310021", "110105194913310028", "500999100201000123", "12800138000", "1380013800", "138001380000",
    "H13800138000", "11010519491231002XX", "X11010519491231002", "110105174912310022",
)  # fmt: skip
KEYS = [
    (feed, one)
    for feed in ("household", "member", "loan")
    for one in CONTRACTS[feed].fields
    if type(one) is Identifier and one.name.endswith("_id")
]
ROW = {"occurred_on": "2020-01-01", "known_on": "2020-02-01", "born_on": "1980-05-01", "labour": "ordinary",
       "disability_grade": 0, "has_chronic_illness": False, "school": "none"}  # fmt: skip


@pytest.mark.parametrize(("feed", "field"), KEYS)
def test_one_by_one_and_in_columns(feed: str, field: Identifier) -> None:
    for key in SOMEBODY:
        with pytest.raises(Defect, match="key_is_a_number_of_somebody"):
            field.parse(key)
    assert [field.parse(key) for key in NOBODY] == list(NOBODY)
    values, settled = field.parse_column(pa.array([*SOMEBODY, *NOBODY, None]))
    assert values.to_pylist() == [*SOMEBODY, *NOBODY, None]
    # What is not settled is parsed one by one; what is settled needs no look.
    assert settled.to_pylist()[: len(SOMEBODY)] == [False] * len(SOMEBODY)
    assert settled.to_pylist()[-1] is False
    assert sum(settled.to_pylist()) >= 6


def test_in_rows_of_a_request() -> None:
    read = compile_reader(CONTRACTS["member"])
    assert read([{**ROW, "member_id": "M1"}], "H1") is not None
    for key in SOMEBODY:
        # Left to the authority, which refuses it.
        assert read([{**ROW, "member_id": key}], "H1") is None
