"""Reading rows of a request: one generated function per contract, for rows that nothing is wrong with.

`Contract.parse_row` is the authority on what is accepted and says what is wrong. A reader accepts only what
it would accept, with the same stored values, some ten times faster; it leaves everything else to it. It is
written once from the contract's own fields and rules, as the row engine is from the features.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from features.dates import to_day
from features.errors import ContractError
from features.signals.contract import Contract
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
from features.signals.rules import BothOrNeither, NotBefore, SumAtMost

StoredRow = dict[str, Any]
ReadRow = Callable[[Any, str], StoredRow | None]
"""A parsed JSON value and the key of its household → stored values with dates as day numbers, or `None`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def compile_reader(contract: Contract) -> ReadRow:
    """The reader of a contract's rows, as JSON has them. The key given has to be a valid one.

    Raises `ContractError` for a rule of a kind that it does not know.
    """
    names: dict[str, Any] = {
        "SURFACES": frozenset(one.surface for one in contract.fields), "day": _day, "fen": _fen
    }  # fmt: skip
    lines = [
        "def read(row, household_id):",
        "  if type(row) is not dict or not SURFACES.issuperset(row): return None",
        "  get = row.get",
    ]
    for number, field in enumerate(contract.fields):
        lines += [f"  {one}" for one in _read(field, f"v{number}", number, names)]
    values = {one.column: f"v{number}" for number, one in enumerate(contract.fields)}
    stored = ", ".join(f"{column!r}: {value}" for column, value in values.items())
    lines.append(f"  made = {{{stored}}}")
    columns = set(values)
    # The others ask for fields that a request cannot have.
    for number, rule in enumerate(one for one in contract.all_rules if columns >= set(one.columns)):
        if not isinstance(rule, NotBefore | BothOrNeither | SumAtMost):
            raise ContractError(
                f"{contract.name}: it is not known whether {rule.code} can do with day numbers"
            )
        names[f"holds{number}"] = rule.holds
        lines.append(f"  if not holds{number}(made): return None")
    lines.append("  return made")
    exec("\n".join(lines), names)  # the text is this module's own; no input reaches it
    made: ReadRow = names["read"]
    return made


def _read(field: Field, value: str, number: int, names: dict[str, Any]) -> list[str]:
    """The lines that read one field into `value` or give up."""
    surface = field.surface
    if field.name == "household_id":
        return [f"{value} = get({surface!r}, household_id)", f"if {value} != household_id: return None"]
    lines = _checks(field, value, number, names)
    if field.name == "is_known_on_estimated":
        lines = [f"if {value} is None: {value} = False", *lines]
    elif not field.is_required:
        lines = [f"if {value} is not None:", *(f"  {one}" for one in lines)]
    return [f"{value} = get({surface!r})", *lines]


def _checks(field: Field, value: str, number: int, names: dict[str, Any]) -> list[str]:
    # By the very class: a kind made from another may be stricter, and is left to `parse_row`.
    kind = type(field)
    if kind is Date:
        return [
            f"if type({value}) is not str: return None",
            f"{value} = day({value})",
            f"if {value} is None: return None",
        ]
    if kind is Flag:
        return [f"if {value} is not True and {value} is not False: return None"]
    if isinstance(field, Identifier) and kind is Identifier:
        names[f"match{number}"] = re.compile(f"(?!(?:{SHAPE})$)(?:{field.pattern})", re.ASCII).fullmatch
        return [f"if type({value}) is not str or not {value} or match{number}({value}) is None: return None"]
    if isinstance(field, Category) and kind is Category:
        names[f"words{number}"] = frozenset(field.categories) - {""}
        return [f"if type({value}) is not str or {value} not in words{number}: return None"]
    if isinstance(field, Count) and kind is Count:
        within = f"{field.minimum} <= {value} <= {field.maximum}"
        return [f"if type({value}) is not int or not {within}: return None"]
    if isinstance(field, Money) and kind is Money:
        least, most = field.minimum_yuan * FEN_PER_YUAN, field.maximum_yuan * FEN_PER_YUAN
        return [
            f"{value} = {value} * {FEN_PER_YUAN} if type({value}) is int else fen({value})",
            f"if {value} is None or not {least} <= {value} <= {most}: return None",
        ]
    return ["return None"]


@lru_cache(maxsize=32_768)
def _day(text: str) -> int | None:
    """The day number of a date within the range of `Date`, `None` for anything else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return to_day(date) if EARLIEST <= date <= LATEST else None


def _fen(yuan: Any) -> int | None:
    """Whole fen of an amount in yuan as a float; `None` unless it is the float nearest to such an amount."""
    if type(yuan) is not float or not abs(yuan) < 1e11:
        return None
    whole = round(yuan * FEN_PER_YUAN)
    return whole if whole / FEN_PER_YUAN == yuan else None


def compile_readers(contracts: Mapping[str, Contract]) -> dict[str, ReadRow]:
    """The readers of several feeds."""
    return {name: compile_reader(one) for name, one in contracts.items()}
