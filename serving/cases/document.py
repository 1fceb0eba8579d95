"""Reading one document strictly: every error at once, each with its place and way out, never a value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from features.errors import ContractError
from features.regions import AREA_LEVELS, check_area_code
from features.signals.defects import Defect
from features.signals.fields import Date, Field, Money
from serving.errors import FieldError, Problem

_VILLAGE = max(AREA_LEVELS)
_DAY = Date(name="day", zh="日期", en="day")


class DocumentReader:
    """Gathers what is wrong with a document; `check` ends the reading."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def check(self) -> None:
        """Raise `Problem` (422) with all errors, where there are any."""
        if self.errors:
            raise Problem("request_invalid", errors=self.errors)

    def add(self, pointer: str, code: str, way_out: str) -> None:
        """Note an error at a JSON pointer."""
        self.errors.append(FieldError(pointer, code, way_out))

    def object(
        self,
        given: Any,
        at: str,
        names: Collection[str],
        required: Collection[str] = (),
        *,
        may_be_null: bool = False,
        keeps_null: bool = False,
    ) -> dict[str, Any]:
        """The declared fields that are there and not null. An unknown name is not repeated.

        A null is an error, unless it `may_be_null`: what is not known is left out. One that the reader
        `keeps_null` is there, and whoever reads the field says what is wrong with it.
        """
        if not isinstance(given, dict):
            self.add(at, "not_an_object", f"give an object with {', '.join(names)}")
            return {}
        if given.keys() - set(names):
            self.add(at, "unknown_field", f"give no other fields than {', '.join(names)}")
        nulls = set() if keeps_null else {name for name, value in given.items() if value is None}
        for name in required:
            if name not in given or name in nulls:
                self.add(f"{at}/{name}", "missing", "give the field")
        for name in names:
            if name in nulls and name not in required and not may_be_null:
                self.add(f"{at}/{name}", "wrong_type", "give a value, or leave it out")
        return {name: given[name] for name in names if name in given and name not in nulls}

    def array(self, given: Any, at: str, most: int) -> list[Any]:
        """A list of at most `most` things; empty where it is none."""
        if not isinstance(given, list):
            self.add(at, "not_a_list", "give a list")
            return []
        if len(given) > most:
            self.add(at, "wrong_number", f"give at most {most}")
            return []
        return given

    def word(self, given: Any, at: str, words: Collection[str]) -> str | None:
        """One of a fixed list of codes."""
        if isinstance(given, str) and given in words:
            return given
        self.add(at, "unknown_category", f"give one of {', '.join(words)}")
        return None

    def village(self, given: Any, at: str) -> str:
        """The code of a village; empty where it is none."""
        try:
            code = check_area_code(given)
        except ContractError:
            code = ""
        if len(code) == _VILLAGE:
            return code
        self.add(at, "malformed", f"give the village's code of {_VILLAGE} characters")
        return ""

    def flag(self, given: Any, at: str) -> bool | None:
        """True or false."""
        if isinstance(given, bool):
            return given
        self.add(at, "wrong_type", "give true or false")
        return None

    def count(self, given: Any, at: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        if isinstance(given, int) and not isinstance(given, bool) and least <= given <= most:
            return given
        self.add(at, "out_of_range", f"give a whole number from {least} to {most}")
        return None

    def day(self, given: Any, at: str) -> dt.date | None:
        """A day, as ``YYYY-MM-DD``."""
        made = self.value(_DAY, given, at)
        return made if isinstance(made, dt.date) else None

    def fen(self, given: Any, at: str, most_yuan: int) -> int | None:
        """An amount in yuan with at most two decimals, from 0 on, as whole fen."""
        made = self.value(Money(name="amount", maximum_yuan=most_yuan, zh="金额", en="amount"), given, at)
        return made if isinstance(made, int) else None

    def value(self, field: Field, given: Any, at: str) -> Any:
        """The stored value of one JSON value of a field; `None` where it is refused, which is noted."""
        if isinstance(given, str) and not field.is_textual:
            self.add(at, "wrong_type", "give a JSON number, or true or false")
            return None
        try:
            return field.parse(given)
        except Defect as defect:
            self.add(at, defect.code, defect.way_out)
            return None
