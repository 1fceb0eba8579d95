"""What the operations of the language mean, as small tables of records and answers.

Every engine is held to them in the tests, and the reference page of the language shows them. All are asked on
2025-06-30 unless a table says otherwise. A record is: occurred, known, then the amount in yuan (events) or
ended and end known (spells), then a member's day of birth; "-" is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from features.language.expressions import Expr, greatest, least, yuan
from features.language.views import View


@dataclass(frozen=True)
class Spec:
    """An operation, the records it is asked about and the answer."""

    says: str
    feed: str
    ask: Callable[[View], Expr]
    records: Sequence[str]
    answer: float | None
    money: bool = False
    as_of: str = "2025-06-30"


_JUNE = (
    "2025-03-30 2025-03-30 1",
    "2025-03-31 2025-03-31 2",
    "2025-06-30 2025-06-30 4",
    "2025-07-01 2025-07-01 8",
    "2025-06-01 2025-07-01 16",
)
_JOBS = (
    "2025-01-01 2025-01-05 - -",
    "2025-01-01 2025-01-05 2025-06-29 2025-06-29",
    "2025-01-01 2025-01-05 2025-06-30 2025-06-30",
    "2025-01-01 2025-01-05 2025-05-31 2025-07-01",
    "2025-01-01 2025-07-01 - -",
    "2025-07-01 2025-07-01 - -",
)

SPECS = [
    Spec(
        "a window begins the day after, ends today, and sees only what has arrived",
        "income",
        lambda v: v.last(months=3).sum("amount"),
        _JUNE,
        6,
        money=True,
    ),
    Spec("counting counts the same rows", "income", lambda v: v.last(months=3).count(), _JUNE, 2),
    Spec(
        "the previous window ends where the last one begins",
        "income",
        lambda v: v.previous(months=3).sum("amount"),
        _JUNE,
        1,
        money=True,
    ),
    Spec(
        "one month before 29 March is 28 February",
        "income",
        lambda v: v.last(months=1).sum("amount"),
        ("2025-02-28 2025-02-28 1", "2025-03-01 2025-03-01 2"),
        2,
        money=True,
        as_of="2025-03-29",
    ),
    Spec(
        "twelve months before a leap day is 28 February",
        "income",
        lambda v: v.last(months=12).sum("amount"),
        ("2023-02-28 2023-02-28 1", "2023-03-01 2023-03-01 2", "2024-02-29 2024-02-29 4"),
        6,
        money=True,
        as_of="2024-02-29",
    ),
    Spec(
        "twelve months before 28 February 2025 excludes that day and takes the leap day",
        "income",
        lambda v: v.last(months=12).sum("amount"),
        ("2024-02-28 2024-02-28 1", "2024-02-29 2024-02-29 2", "2025-02-28 2025-02-28 4"),
        6,
        money=True,
        as_of="2025-02-28",
    ),
    Spec("no rows add up to zero", "income", lambda v: v.last(months=3).sum("amount"), (), 0, money=True),
    Spec("no rows have no largest", "income", lambda v: v.last(months=3).max("amount"), (), None, money=True),
    Spec(
        "unless it is said what no rows mean",
        "income",
        lambda v: v.last(months=3).max("amount", empty=yuan(7)),
        (),
        7,
        money=True,
    ),
    Spec(
        "an empty value is not a floor",
        "income",
        lambda v: v.last(months=3).max("amount", empty=yuan(7)),
        _JUNE,
        4,
        money=True,
    ),
    Spec("the smallest", "income", lambda v: v.last(months=3).min("amount"), _JUNE, 2, money=True),
    Spec("any says one or zero", "income", lambda v: v.last(months=3).any(), _JUNE, 1),
    Spec("any of none", "income", lambda v: v.last(months=3).any(), (), 0),
    Spec("days since the last", "income", lambda v: v.last(months=3).days_since_last(), _JUNE[:2], 91),
    Spec(
        "days since none is the whole window", "income", lambda v: v.last(months=3).days_since_last(), (), 92
    ),
    Spec(
        "a condition on money",
        "income",
        lambda v: v.last(months=3).where(v.amount > yuan(2)).count(),
        _JUNE,
        1,
    ),
    Spec("money in halves", "income", lambda v: v.last(months=3).sum("amount") / 4, _JUNE, 1.5, money=True),
    Spec(
        "nothing is divided by nothing",
        "income",
        lambda v: v.last(months=3).sum("amount") / v.last(months=3).sum("cost"),
        _JUNE,
        None,
    ),
    Spec(
        "what is missing stays missing in a comparison",
        "income",
        lambda v: v.last(months=3).max("amount") > yuan(1),
        (),
        None,
    ),
    Spec(
        "and in the larger of two",
        "income",
        lambda v: greatest(0, v.last(months=3).max("amount")),
        (),
        None,
        money=True,
    ),
    Spec("the smaller of two", "income", lambda v: least(v.last(months=3).count(), 1), _JUNE, 1),
    Spec(
        "a job goes on until its end has passed and was told",
        "employment",
        lambda v: v.open().count(),
        _JOBS,
        3,
    ),
    Spec(
        "a job touches the period if it ended after its first day",
        "employment",
        lambda v: v.during(months=1).count(),
        ("2025-01-01 2025-01-01 2025-05-30 2025-05-30", "2025-01-01 2025-01-01 2025-05-31 2025-05-31"),
        1,
    ),
    Spec(
        "days are counted from the start of the period to the end or today",
        "employment",
        lambda v: v.during(months=1).days(),
        ("2025-01-01 2025-01-01 - -", "2025-06-10 2025-06-10 2025-06-15 2025-06-20"),
        31 + 5,
    ),
    Spec(
        "an end that nobody told yet is not there",
        "employment",
        lambda v: v.during(months=1).days(),
        ("2025-06-10 2025-06-10 2025-06-15 2025-07-01",),
        20,
    ),
    Spec(
        "a birthday counts on the day",
        "member",
        lambda v: v.open().aged_at_least(60).count(),
        ("2020-01-01 2020-01-01 - - 1965-06-30", "2020-01-01 2020-01-01 - - 1965-07-01"),
        1,
    ),
    Spec(
        "and not the day before",
        "member",
        lambda v: v.open().aged_below(16).count(),
        ("2020-01-01 2020-01-01 - - 2009-06-30", "2020-01-01 2020-01-01 - - 2009-07-01"),
        1,
    ),
    Spec(
        "born on a leap day, a year older on 28 February",
        "member",
        lambda v: v.open().aged_at_least(16).count(),
        ("2020-01-01 2020-01-01 - - 2004-02-29",),
        0,
        as_of="2020-02-28",
    ),
]
