"""Reading rows of a request: one generated function per feed, for rows that nothing is wrong with.

`Contract.parse_row` is the authority on what is accepted and says what is wrong. A reader accepts only what
it would accept, with the same stored values, some twenty times faster; it leaves everything else to it. It
is written once from the contract's own fields and rules, as the row engine is from the features.

What it makes of a row is a tuple, made in a fifth of the time of a row by names; `ReadRows` has both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from features.dates import to_day
from features.errors import ContractError
from features.signals.contract import OCCURRED_ON, Contract
from features.signals.fields import (
    EARLIEST,
    FEN_PER_YUAN,
    LATEST,
    Category,
    Count,
    Date,
    Field,
    Flag,
    Identifier,
    Money,
)
from features.signals.pseudonyms import SHAPE
from features.signals.rules import BothOrNeither, NotBefore, RowRule, SumAtMost

StoredRow = dict[str, Any]
"""A row's stored values by the columns of its contract, dates as day numbers."""
Values = tuple[Any, ...]
"""The same without names, in the order of the contract's columns."""
Reader = Callable[[Any, str], list[Values] | None]
"""A parsed JSON array and the key of its household → what its rows have, or `None`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_YUAN = 10**11
"""Below, the float nearest to an amount in fen is nearest to no other."""
_GIVE_UP = "return None"
_KEY = "household_id"


_DAY_NUMBERS: dict[str, int] = {}
"""Day numbers by date text: every date that was read, of the 73,414 that `Date` takes."""


class ReadRows(Mapping[str, list[StoredRow]]):
    """Feed → rows of one household by names, which are made where they are asked for.

    `values_of` has what the readers of some `contracts` made of each feed.
    """

    __slots__ = ("_contracts", "_named", "values_of")

    def __init__(self, contracts: Mapping[str, Contract], values_of: Mapping[str, list[Values]]) -> None:
        self.values_of = values_of
        self._contracts = contracts
        self._named: dict[str, list[StoredRow]] = {}

    def __getitem__(self, feed: str) -> list[StoredRow]:
        named = self._named.get(feed)
        if named is None:
            columns = self._contracts[feed].columns
            named = [dict(zip(columns, one, strict=True)) for one in self.values_of[feed]]
            self._named[feed] = named
        return named

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)


def compile_reader(contract: Contract) -> Reader:
    """The reader of a feed's rows, as JSON has them. The key given has to be a valid one.

    The same row twice is left to the authority, too. Raises `ContractError` for a rule of a kind that it
    does not know.
    """
    names: dict[str, Any] = {
        "BEFORE": to_day(EARLIEST) - 1,
        "SURFACES": frozenset(one.surface for one in contract.fields),
        "days": _DAY_NUMBERS,
        "learn": _learner_of_days(contract),
        "is_repeated": _finder_of_repeats(contract),
    }
    numbered = [(number, f"v{number}", field) for number, field in enumerate(contract.fields)]
    values = {field.column: value for _, value, field in numbered}
    required, optional, bare = [], [], dict(values)
    for number, value, field in numbered:
        if _may_be_absent(field):
            bare[field.column] = _absent(field)
            optional += _read_optional(field, value, number, names)
        else:
            required += _read_required(field, value, number, names)
    # The other rules ask for fields that a request cannot have.
    rules = [one for one in contract.all_rules if values.keys() >= set(one.columns)]
    early = [one for one in rules if all(bare[column] == values[column] for column in one.columns)]
    late = [one for one in rules if one not in early]
    broken = [f"if {_breaks(contract, one, bare)}: {_GIVE_UP}" for one in late if not _is_kept(one, bare)]
    required += [f"if {_breaks(contract, one, values)}: {_GIVE_UP}" for one in early]
    optional += [f"if {_breaks(contract, one, values)}: {_GIVE_UP}" for one in late]
    day = values[OCCURRED_ON]
    text = "\n".join([
        "def read(rows, household_id):",
        f" if type(rows) is not list: {_GIVE_UP}",
        " made, newest, may_repeat = [], BEFORE, False",
        " try:",
        "  for row in rows:",
        *_deeper(required, 3),
        # With all that is required and no more names than that, there is nothing else.
        f"   if len(row) == {sum(bare[one] == values[one] for one in values)}:",
        *_deeper(broken, 4),
        f"    made.append(({', '.join(bare.values())},))",
        "   else:",
        f"    if not SURFACES.issuperset(row): {_GIVE_UP}",
        *_deeper(optional, 4),
        f"    made.append(({', '.join(values.values())},))",
        # Rows in the order of their days, as most are, differ.
        f"   if {day} > newest: newest = {day}",
        "   else: may_repeat = True",
        " except KeyError:",
        # A name that is missing, or a date that was not read before.
        "  return read(rows, household_id) if learn(rows) else None",
        f" except (TypeError, ValueError, OverflowError): {_GIVE_UP}",
        f" if may_repeat and is_repeated(made): {_GIVE_UP}",
        " return made",
    ])
    exec(text, names)  # the text is this module's own; no input reaches it
    read: Reader = names["read"]
    return read


def compile_readers(contracts: Mapping[str, Contract]) -> dict[str, Reader]:
    """The readers of several feeds."""
    return {name: compile_reader(one) for name, one in contracts.items()}


def _may_be_absent(field: Field) -> bool:
    return field.name in ("household_id", "is_known_on_estimated") or not field.is_required


def _absent(field: Field) -> str:
    """The value of a field that is not there."""
    return {"household_id": "household_id", "is_known_on_estimated": "False"}.get(field.name, "None")


def _read_required(field: Field, value: str, number: int, names: dict[str, Any]) -> list[str]:
    """The lines that read a field that is in every row."""
    given = f"row[{field.surface!r}]"
    if type(field) is Date:
        return [f"{value} = days[{given}]"]
    return [f"{value} = {given}", *_checks(field, value, number, names)]


def _read_optional(field: Field, value: str, number: int, names: dict[str, Any]) -> list[str]:
    """The lines that read a field that may be absent into `value` or give up."""
    if field.name == "household_id":
        get = f"{value} = row.get({field.surface!r}, household_id)"
        return [get, f"if {value} != household_id: {_GIVE_UP}"]
    checks = _deeper(_checks(field, value, number, names))
    absent = _absent(field)
    otherwise = [] if absent == "None" else [f"else: {value} = {absent}"]
    return [f"{value} = row.get({field.surface!r})", f"if {value} is not None:", *checks, *otherwise]


def _checks(field: Field, value: str, number: int, names: dict[str, Any]) -> list[str]:
    """The lines that turn a surface value into the stored one or give up; raising is giving up, too."""
    # By the very class: a kind made from another may be stricter, and is left to `parse_row`.
    kind = type(field)
    if kind is Date:
        return [f"{value} = days[{value}]"]
    if kind is Flag:
        return [f"if {value} is not True and {value} is not False: {_GIVE_UP}"]
    if isinstance(field, Identifier) and kind is Identifier:
        names[f"match{number}"] = re.compile(f"(?!(?:{SHAPE})$)(?:{field.pattern})", re.ASCII).fullmatch
        return [f"if not {value} or match{number}({value}) is None: {_GIVE_UP}"]
    if isinstance(field, Category) and kind is Category:
        names[f"words{number}"] = frozenset(field.categories) - {""}
        return [f"if {value} not in words{number}: {_GIVE_UP}"]
    if isinstance(field, Count) and kind is Count:
        within = f"{field.minimum} <= {value} <= {field.maximum}"
        return [f"if type({value}) is not int or not {within}: {_GIVE_UP}"]
    if isinstance(field, Money) and kind is Money and field.maximum_yuan <= _MOST_YUAN:
        least, most = field.minimum_yuan * FEN_PER_YUAN, field.maximum_yuan * FEN_PER_YUAN
        return [
            f"if type({value}) is float:",
            f" fen = round({value} * {FEN_PER_YUAN})",
            f" if fen / {FEN_PER_YUAN} != {value}: {_GIVE_UP}",
            f" {value} = fen",
            f"elif type({value}) is int: {value} *= {FEN_PER_YUAN}",
            f"else: {_GIVE_UP}",
            f"if not {least} <= {value} <= {most}: {_GIVE_UP}",
        ]
    return [_GIVE_UP]


def _breaks(contract: Contract, rule: RowRule, values: Mapping[str, str]) -> str:
    """The condition that the stored values of a row break a rule."""
    match rule:
        case NotBefore(later=later, earlier=earlier):
            fields = {one.column: one for one in contract.fields}
            there = [f"{values[one]} is not None" for one in (later, earlier) if not fields[one].is_required]
            return " and ".join([*there, f"{values[later]} < {values[earlier]}"])
        case BothOrNeither(first=first, second=second):
            return f"({values[first]} is None) != ({values[second]} is None)"
        case SumAtMost(parts=(one, other), whole=whole):
            return f"{values[one]} + {values[other]} > {values[whole]}"
    raise ContractError(f"{contract.name}: it is not known whether {rule.code} can do with day numbers")


def _is_kept(rule: RowRule, absent: Mapping[str, str]) -> bool:
    """Whether a row without the values that are `None` here keeps the rule, whatever else it has."""
    match rule:
        case NotBefore(later=later, earlier=earlier):
            return "None" in (absent[later], absent[earlier])
        case BothOrNeither(first=first, second=second):
            return absent[first] == absent[second] == "None"
    return False


def _deeper(lines: list[str], levels: int = 1) -> list[str]:
    return [f"{' ' * levels}{one}" for one in lines]


def _day_number(text: str) -> int | None:
    """The number of a day that `Date` takes; `None` for any other text."""
    if not _DAY.fullmatch(text):
        return None
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return to_day(date) if EARLIEST <= date <= LATEST else None


def _learner_of_days(contract: Contract) -> Callable[[list[Any]], bool]:
    """What adds the days of rows to those that were read; tells whether there were new ones."""
    names = [one.surface for one in contract.fields if type(one) is Date]

    def learn(rows: list[Any]) -> bool:
        texts = (row.get(name) for row in rows if isinstance(row, dict) for name in names)
        # Each looked up by itself: a set without the known ones would be made by going through all of those.
        found = {one for one in texts if isinstance(one, str) and one not in _DAY_NUMBERS}
        known = {text: day for text in found if (day := _day_number(text)) is not None}
        _DAY_NUMBERS.update(known)
        return bool(known)

    return learn


def _finder_of_repeats(contract: Contract) -> Callable[[list[Values]], bool]:
    """What tells whether a row of the feed is there twice."""
    columns = contract.columns
    # Rows of one day are mostly of different members, items or lines.
    words = [one.column for one in contract.fields if type(one) in (Identifier, Category)]
    word = itemgetter(columns.index(next((one for one in words if one != _KEY), OCCURRED_ON)))
    day = itemgetter(columns.index(OCCURRED_ON))

    def is_repeated(rows: list[Values]) -> bool:
        count = len(rows)
        if len(set(map(word, rows))) == count or len(set(map(day, rows))) == count:
            return False
        return len(set(rows)) < count

    return is_repeated
