"""Contracts: what one department feed delivers, as one object that describes, checks and generates.

Every record of every feed carries two dates: `occurred_on`, when it happened, and `known_on`, when the
platform could first have read it. A *spell* (a member's stay, a job) also has an end, and that end has
an arrival date of its own: an end that nobody had reported yet must not be visible earlier.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from features.dates import to_day
from features.errors import ContractError
from features.signals.cells import is_missing
from features.signals.defects import Defect, RowDefect
from features.signals.fields import Date, Field, Flag, Identifier, Value
from features.signals.rules import BothOrNeither, NotBefore, RowRule

OCCURRED_ON, KNOWN_ON = "occurred_on", "known_on"
ENDED_ON, ENDED_KNOWN_ON = "ended_on", "ended_known_on"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Contract:
    """The shape of one feed.

    `kind` is ``event`` (something happened on a day) or ``spell`` (something lasted). `source` names the
    department; `fields` holds the feed's own fields, the keys and dates are added by `event` and `spell`.
    `checked` are fields that a delivery may carry, that intake checks, and that nobody ever stores: no table,
    request or feature has them.
    """

    name: str
    zh: str
    en: str
    source_zh: str
    source_en: str
    kind: Literal["event", "spell"]
    fields: tuple[Field, ...]
    rules: tuple[RowRule, ...] = ()
    checked: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in (*self.fields, *self.checked)]
        doubles = {name for name in names if names.count(name) > 1}
        if doubles:
            raise ContractError(f"{self.name} declares {', '.join(sorted(doubles))} twice")

    def field(self, name: str) -> Field:
        """The field of that concept name; raises `ContractError` naming those there are."""
        for field in self.fields:
            if field.name == name:
                return field
        known = ", ".join(field.name for field in self.fields)
        raise ContractError(f"{self.name} has no field {name}; it has {known}")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of a stored row, in the fields' order."""
        return tuple(one.column for one in self.fields)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the stored table."""
        return pa.schema([pa.field(field.column, field.arrow_type) for field in self.fields])

    def parse_row(
        self, row: Row, *, delay_days: int | None = None, is_json: bool = False
    ) -> dict[str, Value] | list[RowDefect]:
        """One surface row as stored values, or every defect it has.

        With `delay_days`, a row without `known_on` gets the careful guess `occurred_on` + delay and is
        marked so. With `is_json`, numbers and flags must be JSON numbers and booleans; without, the row is
        of a file, which may write them as text, and a flag as a number.
        """
        has = ", ".join(self._surfaces)
        # An unknown name is not repeated: it may be a value in the wrong place.
        defects = [
            Defect("unknown_field", feed=(self.zh, self.name), fields=(has, has)).at("unknown")
            for name in row
            if name not in self._surfaces
        ]
        values: dict[str, Value] = {}
        for field in self.fields:
            given = row.get(field.surface)
            if field.name == "is_known_on_estimated" and is_missing(given):
                given = False
            if field.name == KNOWN_ON and is_missing(given) and delay_days is not None:
                continue
            try:
                if is_json and isinstance(given, str) and (not field.is_textual or given == ""):
                    kind = "boolean" if isinstance(field, Flag) else "number"
                    kind = "string" if field.is_textual else kind
                    raise field.defect("wrong_type", kind=(kind, kind))
                values[field.column] = field.parse(given) if is_json else field.parse_cell(given)
            except Defect as defect:
                defects.append(defect.at(field.surface))
        if delay_days is not None and OCCURRED_ON in values:
            estimate_arrival(values, delay_days)
        defects += [
            Defect(rule.code).at(rule.field)
            for rule in self.all_rules
            if values.keys() >= set(rule.columns) and not rule.holds(values)
        ]
        return defects or values

    @property
    def all_rules(self) -> tuple[RowRule, ...]:
        """The rules between fields: those of every dated record and the feed's own."""
        return (*_DATE_RULES[self.kind], *self.rules)

    def generate(self, rng: random.Random) -> dict[str, object]:
        """A valid surface row, made up."""
        while True:
            row = {field.surface: field.generate(rng) for field in self.fields}
            occurred = row[OCCURRED_ON]
            assert isinstance(occurred, dt.date)
            row[KNOWN_ON] = occurred + dt.timedelta(days=rng.randrange(120))
            if self.kind == "spell":
                ended = None if rng.random() < 0.5 else occurred + dt.timedelta(days=rng.randrange(600))
                row[ENDED_ON] = ended
                row[ENDED_KNOWN_ON] = ended and ended + dt.timedelta(days=rng.randrange(-20, 90))
            if isinstance(self.parse_row(row), dict):
                return row

    def describe(self) -> list[dict[str, object]]:
        """The fields as rows of the reference documentation."""
        return [field.describe() for field in self.fields]

    @cached_property
    def _surfaces(self) -> tuple[str, ...]:
        return tuple(field.surface for field in self.fields)


def estimate_arrival(values: dict[str, Value], delay_days: int) -> None:
    """Fill a missing `known_on` with the careful guess and mark it; sources without arrival dates leak."""
    if values.get(KNOWN_ON) is None:
        occurred = values[OCCURRED_ON]
        assert isinstance(occurred, dt.date)
        values[KNOWN_ON] = occurred + dt.timedelta(days=delay_days)
        values["is_known_on_estimated"] = True


def event(
    name: str, zh: str, en: str, source: tuple[str, str], *fields: Field, rules: tuple[RowRule, ...] = ()
) -> Contract:
    """A contract for things that happened on a day. `source` is the department in zh and en."""
    return Contract(name, zh, en, *source, "event", (*_KEYS, *_DATES, *fields), rules)


def spell(
    name: str,
    zh: str,
    en: str,
    source: tuple[str, str],
    *fields: Field,
    rules: tuple[RowRule, ...] = (),
    checked: tuple[Field, ...] = (),
) -> Contract:
    """A contract for things that lasted; `ended_on` is the last day, empty while it goes on."""
    return Contract(name, zh, en, *source, "spell", (*_KEYS, *_DATES, *_END_DATES, *fields), rules, checked)


def day_of(value: Value) -> int | None:
    """The day number of a stored date; other values are not dates and raise."""
    if value is None:
        return None
    assert isinstance(value, dt.date)
    return to_day(value)


_KEYS = (Identifier(name="household_id", zh="户编号（化名）", en="pseudonymous household key"),)
_DATES = (
    Date(name=OCCURRED_ON, zh="发生日期", en="day it happened, or the spell began"),
    Date(name=KNOWN_ON, zh="到达平台日期", en="day the platform could first read it"),
    Flag(name="is_known_on_estimated", zh="到达日期为估计", en="whether the arrival date is a careful guess"),
)
_END_DATES = (
    Date(name=ENDED_ON, zh="结束日期", en="last day of the spell", is_required=False),
    Date(name=ENDED_KNOWN_ON, zh="结束信息到达日期", en="day the end was known", is_required=False),
)


_ARRIVAL_RULE = NotBefore("known_before_occurred", KNOWN_ON, OCCURRED_ON)
_DATE_RULES: dict[str, tuple[RowRule, ...]] = {
    "event": (_ARRIVAL_RULE,),
    "spell": (
        _ARRIVAL_RULE,
        NotBefore("ended_before_start", ENDED_ON, OCCURRED_ON),
        BothOrNeither("end_undated", ENDED_ON, ENDED_KNOWN_ON),
    ),
}
