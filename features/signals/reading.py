"""Reading rows of a request: one generated function per feed, for rows that nothing is wrong with.

`Contract.parse_row` is the authority on what is accepted and says what is wrong. A reader accepts only what
it would accept, with the same stored values, some twenty times faster; it leaves everything else to it. It
is written once from the contract's own fields and rules, as the row engine is from the features.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
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
ReadRows = Callable[[Any, str], list[StoredRow] | None]
"""A parsed JSON array and the key of its household → the stored rows with dates as day numbers, or `None`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_YUAN = 10**11
"""Below, the float nearest to an amount in fen is nearest to no other."""
_GIVE_UP = "return None"
_KEY = "household_id"


class _DayNumbers(dict[str, int]):
    """Day numbers by date text: every date that was read, of the 73,414 that `Date` takes."""

    def __missing__(self, text: Any) -> int:
        """The number, kept; raises `ValueError` or `TypeError` for what is no such date."""
        date = dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
        if date is None or not EARLIEST <= date <= LATEST:
            raise ValueError
        self[text] = number = to_day(date)
        return number


_DAY_NUMBERS = _DayNumbers()


def compile_reader(contract: Contract) -> ReadRows:
    """The reader of a feed's rows, as JSON has them. The key given has to be a valid one.

    The same row twice is left to the authority, too. Raises `ContractError` for a rule of a kind that it
    does not know.
    """
    names: dict[str, Any] = {
        "BEFORE": to_day(EARLIEST) - 1,
        "SURFACES": frozenset(one.surface for one in contract.fields),
        "days": _DAY_NUMBERS,
        "is_repeated": _finder_of_repeats(contract),
    }
    numbered = [(number, f"v{number}", field) for number, field in enumerate(contract.fields)]
    values = {field.column: value for _, value, field in numbered}
    lines, absent, optional = [], [], []
    for number, value, field in numbered:
        if _may_be_absent(field):
            absent.append(f"{value} = {_absent(field)}")
            optional += _read_optional(field, value, number, names)
        else:
            lines += [f"{value} = row[{field.surface!r}]", *_checks(field, value, number, names)]
    # With all that is required and no more names than that, there is nothing else.
    lines += [f"if len(row) == {len(numbered) - len(absent)}:", *_deeper(absent)]
    lines += ["else:", *_deeper([f"if not SURFACES.issuperset(row): {_GIVE_UP}", *optional])]
    # The other rules ask for fields that a request cannot have.
    rules = [one for one in contract.all_rules if values.keys() >= set(one.columns)]
    lines += [f"if {_breaks(contract, one, values)}: {_GIVE_UP}" for one in rules]
    stored = ", ".join(f"{column!r}: {value}" for column, value in values.items())
    text = "\n".join([
        "def read(rows, household_id):",
        f" if type(rows) is not list: {_GIVE_UP}",
        " made, newest, may_repeat = [], BEFORE, False",
        " try:",
        "  for row in rows:",
        *(f"   {one}" for one in lines),
        # Rows in the order of their days, as most are, differ.
        f"   if {values[OCCURRED_ON]} > newest: newest = {values[OCCURRED_ON]}",
        "   else: may_repeat = True",
        f"   made.append({{{stored}}})",
        f" except (KeyError, TypeError, ValueError, OverflowError): {_GIVE_UP}",
        f" if may_repeat and is_repeated(made): {_GIVE_UP}",
        " return made",
    ])
    exec(text, names)  # the text is this module's own; no input reaches it
    read: ReadRows = names["read"]
    return read


def compile_readers(contracts: Mapping[str, Contract]) -> dict[str, ReadRows]:
    """The readers of several feeds."""
    return {name: compile_reader(one) for name, one in contracts.items()}


def _may_be_absent(field: Field) -> bool:
    return field.name in ("household_id", "is_known_on_estimated") or not field.is_required


def _absent(field: Field) -> str:
    """The value of a field that is not there."""
    return {"household_id": "household_id", "is_known_on_estimated": "False"}.get(field.name, "None")


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


def _deeper(lines: list[str]) -> list[str]:
    return [f" {one}" for one in lines]


def _finder_of_repeats(contract: Contract) -> Callable[[list[StoredRow]], bool]:
    """What tells whether a row of the feed is there twice."""
    # Rows of one day are mostly of different members, items or lines.
    words = [one.column for one in contract.fields if type(one) in (Identifier, Category)]
    word, day = itemgetter(next((one for one in words if one != _KEY), OCCURRED_ON)), itemgetter(OCCURRED_ON)

    def is_repeated(rows: list[StoredRow]) -> bool:
        count = len(rows)
        if len(set(map(word, rows))) == count or len(set(map(day, rows))) == count:
            return False
        return len(set(map(tuple, map(dict.values, rows)))) < count

    return is_repeated
