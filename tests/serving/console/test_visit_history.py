"""What the household page tells of a visit's account: what it is, of which day, and who took it."""

from __future__ import annotations

import datetime as dt

import pytest

from serving.cases.visit import read_visit
from serving.console.visit_history import visits_view
from serving.storage.stored_visits import StoredVisit

DAY = dt.date(2026, 11, 2)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "收支细账（2026-11-02，村干部按农户所说和凭证核算，近12个月）：人均纯收入7,000元"),
        ("en", "Account (2026-11-02, village official, by what the household said and showed, 12 months)"),
    ],
)
def test_an_account_says_whose_and_of_which_day_it_is(language: str, said: str) -> None:
    lines = [{"line": "wages_migrant", "amount_yuan": 21_000}]
    document = {
        "submission_key": "a" * 32, "visited_on": DAY.isoformat(), "finding": "no_difficulty",
        "account": {"members": 3, "lines": lines},
    }  # fmt: skip
    one = StoredVisit(
        "v1", None, "H1", "500999100201", DAY, dt.datetime(2026, 11, 3, tzinfo=dt.UTC), "p1",
        "village_official", False, None, read_visit(document, "H1", DAY).finding,
        {**read_visit(document, "H1", DAY).kept(), "answers": []},
    )  # fmt: skip
    (told,) = visits_view([one], {}, None, language, is_told=True)
    assert told["told"][0].startswith(said)
