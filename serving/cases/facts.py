"""The facts that a move asks for: dates, yes or no, counts, codes of fixed lists; no text of anybody's own.

Facts are kept with the move and read by others, so that nothing which names a person may get in.
"""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.cases.errors import FactsRefused, Reason

MOST_COUNT = 9_999
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST = dt.date(2000, 1, 1)


class NotOfKind(Exception):
    """A value that a fact cannot have; `code` says why."""

    def __init__(self, code: str, way_out: str) -> None:
        super().__init__(code)
        self.code = code
        self.way_out = way_out


@dataclass(frozen=True)
class Fact(ABC):
    """One fact of a move: its name, and its Chinese and English label."""

    name: str
    zh: str
    en: str
    is_required: bool = True

    @abstractmethod
    def parse(self, value: object, on: dt.date) -> Any:
        """The value as it is kept, plain JSON; raises `NotOfKind`."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the value."""


@dataclass(frozen=True)
class DayFact(Fact):
    """A date, ``YYYY-MM-DD``; not after the day of the move unless it may lie ahead, and not before the
    case's first lead unless it may lie before."""

    may_lie_ahead: bool = False
    may_lie_before: bool = False

    def parse(self, value: object, on: dt.date) -> str:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise NotOfKind("not_a_date", "give a date as YYYY-MM-DD")
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            raise NotOfKind("not_a_date", "give a date as YYYY-MM-DD") from None
        if day < _EARLIEST:
            raise NotOfKind("out_of_range", f"give a date from {_EARLIEST} on")
        if day > on and not self.may_lie_ahead:
            raise NotOfKind("in_the_future", "give a date up to today")
        if (day - on).days > 366:
            raise NotOfKind("out_of_range", "give a date within a year")
        return day.isoformat()

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


@dataclass(frozen=True)
class FlagFact(Fact):
    """Yes or no."""

    def parse(self, value: object, on: dt.date) -> bool:
        if not isinstance(value, bool):
            raise NotOfKind("not_a_boolean", "give true or false")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class CountFact(Fact):
    """A whole number from `least` to `MOST_COUNT`."""

    least: int = 0

    def parse(self, value: object, on: dt.date) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise NotOfKind("not_a_whole_number", "give a whole number")
        if not self.least <= value <= MOST_COUNT:
            raise NotOfKind("out_of_range", f"give a whole number from {self.least} to {MOST_COUNT}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": MOST_COUNT}


Code = tuple[str, str, str]
"""A code with its Chinese and English words."""


@dataclass(frozen=True)
class CodeFact(Fact):
    """One code of a fixed list."""

    codes: tuple[Code, ...] = ()

    def parse(self, value: object, on: dt.date) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise NotOfKind("unknown_category", f"give one of {', '.join(self.values)}")
        return value

    @property
    def values(self) -> tuple[str, ...]:
        """The codes alone."""
        return tuple(one[0] for one in self.codes)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True)
class CodesFact(CodeFact):
    """Several codes of a fixed list in order, each once."""

    most: int = 5

    def parse(self, value: object, on: dt.date) -> Any:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise NotOfKind("not_a_list", f"give a list of 1 to {self.most} codes")
        made = [super(CodesFact, self).parse(one, on) for one in value]
        if len(set(made)) != len(made):
            raise NotOfKind("repeated", "give each code once")
        return made

    def schema(self) -> dict[str, Any]:
        item = super().schema()
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.most, "uniqueItems": True}


def read_facts(asked: Sequence[Fact], given: object, on: dt.date) -> dict[str, Any]:
    """The facts of a move as they are kept; raises `FactsRefused` with everything that is wrong with them."""
    if not isinstance(given, Mapping):
        raise FactsRefused([Reason("/facts", "not_an_object", "give an object of facts")])
    names = [one.name for one in asked]
    reasons, made = [], {}
    if given.keys() - set(names):
        told = f"give no other facts than {', '.join(names)}" if names else "this move takes no facts"
        # The name of another may be anything, and is not repeated.
        reasons.append(Reason("/facts", "unknown_field", told))
    for one in asked:
        if given.get(one.name) is None:
            if one.is_required:
                reasons.append(Reason(f"/facts/{one.name}", "missing", "give the fact"))
            continue
        try:
            made[one.name] = one.parse(given[one.name], on)
        except NotOfKind as wrong:
            reasons.append(Reason(f"/facts/{one.name}", wrong.code, wrong.way_out))
    if reasons:
        raise FactsRefused(reasons)
    return made


def check_days(asked: Sequence[Fact], facts: Mapping[str, Any], opened_on: dt.date) -> None:
    """Raise `FactsRefused` for days of facts that were read, of before the case's first lead."""
    early = [
        Reason(f"/facts/{one.name}", "before_lead", "give a day on or after the case's first lead")
        for one in asked
        if isinstance(one, DayFact)
        and not one.may_lie_before
        and one.name in facts
        and day_of(facts, one.name) < opened_on
    ]
    if early:
        raise FactsRefused(early)


def day_of(facts: Mapping[str, Any], name: str) -> dt.date:
    """A date of facts that were read."""
    return dt.date.fromisoformat(facts[name])
