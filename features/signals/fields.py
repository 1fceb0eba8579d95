"""Kinds of field: how one value of a signal is described, checked, stored and made up for tests.

One object serves all of it. `parse` is the authority on what is accepted, one value at a time, and for files
`parse_cell`; `parse_column` is a fast path that accepts only what that would accept with the same result and
leaves everything else to it. Money is yuan at every surface and whole fen inside, so that sums are exact and
do not depend on the order of rows.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.signals.cells import is_int64, is_missing, is_text, is_whole
from features.signals.defects import Defect
from features.signals.pseudonyms import are_plain_keys, is_somebodys_number

FEN_PER_YUAN = 100
EARLIEST = dt.date(1900, 1, 1)
LATEST = dt.date(2100, 12, 31)

Value = str | int | bool | dt.date | None


@dataclass(frozen=True, kw_only=True)
class Field:
    """A named value of a signal with its meaning in Chinese and English.

    `name` is the concept (``self_paid``); `surface` is the column people and files use
    (``self_paid_yuan``); `column` is the stored one (``self_paid_fen``). They differ only for money.
    """

    name: str
    zh: str
    en: str
    unit: str = ""
    is_required: bool = True

    arrow_type: ClassVar[pa.DataType]
    type_name: ClassVar[str]
    is_textual: ClassVar[bool] = False
    """Whether JSON writes this kind as a string. Files may write every kind as text."""

    @property
    def surface(self) -> str:
        """Column name in files, frames and requests."""
        return self.name

    @property
    def column(self) -> str:
        """Column name in stored tables and engines."""
        return self.name

    @property
    def rule(self) -> tuple[str, str]:
        """What a value has to be, in Chinese and English, for documentation and ways out."""
        return self.zh, self.en

    @property
    def bounds(self) -> str:
        """The same in English."""
        return self.rule[1]

    def defect(self, code: str, **given: tuple[str, str]) -> Defect:
        """The defect of a value of this field, to be raised."""
        return Defect(code, bounds=self.rule, **given)

    def parse(self, value: object) -> Value:
        """The stored value of one surface value; raises `Defect`."""
        if isinstance(value, np.generic):
            value = value.item()
        if is_missing(value):
            if self.is_required:
                raise self.defect("missing")
            return None
        return self._parse(value)

    def parse_cell(self, value: object) -> Value:
        """The same of a cell of a file, which may write a value in more ways."""
        return self.parse(value)

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Stored values and a mask of the rows that are settled; the other rows need `parse_cell`."""
        return pa.nulls(len(column), self.arrow_type), pa.array([False] * len(column))

    def to_surface(self, value: Value) -> Value | float:
        """The surface value of one stored value; the inverse of `parse`."""
        return value

    def generate(self, rng: random.Random) -> object:
        """A valid surface value; sometimes missing where that is allowed."""
        if not self.is_required and rng.random() < 0.3:
            return None
        return self._generate(rng)

    def describe(self) -> dict[str, object]:
        """The field as one row of the reference documentation."""
        return {
            "field": self.surface,
            "type": self.type_name,
            "unit": self.unit,
            "range": self.bounds,
            "required": self.is_required,
            "zh": self.zh,
            "en": self.en,
        }

    def _parse(self, value: object) -> Value:
        raise NotImplementedError

    def _generate(self, rng: random.Random) -> object:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Identifier(Field):
    """A key that must leave byte-equal to how it came: no trimming, no number, no guess."""

    pattern: str = r"[0-9A-Za-z_-]{1,64}"
    arrow_type = pa.string()
    type_name = "identifier"
    is_textual = True

    @property
    def rule(self) -> tuple[str, str]:
        return f"符合 {self.pattern} 的文本", f"text matching {self.pattern}"

    def _parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.defect("not_text")
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise self.defect("malformed")
        if is_somebodys_number(value):
            raise self.defect("key_is_a_number_of_somebody")
        return value

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        if not is_text(column.type):
            return super().parse_column(column)
        text = column.cast(pa.string())
        return text, pc.fill_null(are_plain_keys(text, self.pattern), False)

    def _generate(self, rng: random.Random) -> str:
        return "".join(rng.choice("0123456789") for _ in range(12))


@dataclass(frozen=True, kw_only=True)
class Date(Field):
    """A calendar day; inside, days since 1970-01-01 (Arrow date32)."""

    arrow_type = pa.date32()
    type_name = "date"
    is_textual = True

    @property
    def rule(self) -> tuple[str, str]:
        return f"YYYY-MM-DD，{EARLIEST} 至 {LATEST}", f"YYYY-MM-DD from {EARLIEST} to {LATEST}"

    def _parse(self, value: object) -> dt.date:
        if isinstance(value, dt.datetime):
            if value.tzinfo is not None or value.time() != dt.time():
                raise self.defect("not_a_date")
            value = value.date()
        if isinstance(value, str):
            shaped = re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII)
            try:
                value = dt.date.fromisoformat(value) if shaped else None
            except ValueError:
                value = None
        if not isinstance(value, dt.date):
            raise self.defect("not_a_date")
        if not EARLIEST <= value <= LATEST:
            raise self.defect("out_of_range")
        return value

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        if is_text(column.type):
            text = column.cast(pa.string())
            shaped = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}$")
            stamps = pc.strptime(pc.if_else(shaped, text, None), "%Y-%m-%d", "s", error_is_null=True)
            # strptime rolls 30 February over; only a day that reads back the same is settled.
            same = pc.equal(pc.strftime(stamps, "%Y-%m-%d"), text)
            days = stamps.cast(pa.date32())
            return days, pc.fill_null(pc.and_kleene(same, _between(days, EARLIEST, LATEST)), False)
        if pa.types.is_date(column.type) or (pa.types.is_timestamp(column.type) and column.type.tz is None):
            days = column.cast(pa.date32(), safe=False)
            near = _between(days, EARLIEST, LATEST)
            exact = pc.equal(pc.if_else(near, days, None).cast(column.type), column)
            return days, pc.fill_null(pc.and_kleene(exact, near), False)
        return super().parse_column(column)

    def _generate(self, rng: random.Random) -> dt.date:
        return dt.date(2024, 1, 1) + dt.timedelta(days=rng.randrange(900))


@dataclass(frozen=True, kw_only=True)
class Money(Field):
    """An amount, at the surface in yuan with at most two decimals; inside whole fen."""

    minimum_yuan: int = 0
    maximum_yuan: int = 10_000_000
    unit: str = "yuan"
    arrow_type = pa.int64()
    type_name = "money"

    @property
    def surface(self) -> str:
        return f"{self.name}_yuan"

    @property
    def column(self) -> str:
        return f"{self.name}_fen"

    @property
    def rule(self) -> tuple[str, str]:
        low, high = self.minimum_yuan, self.maximum_yuan
        return f"{low} 至 {high} 元，最多两位小数", f"{low} to {high} yuan, at most two decimals"

    def _parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise self.defect("not_a_number")
        if isinstance(value, str) and not re.fullmatch(r"-?\d{1,12}(\.\d{1,2})?", value, re.ASCII):
            raise self.defect("not_a_number")
        yuan = Decimal(value if isinstance(value, int) else str(value))
        if not yuan.is_finite():
            raise self.defect("not_a_number")
        if not self.minimum_yuan <= yuan <= self.maximum_yuan:
            raise self.defect("out_of_range")
        # Comparing is exact; multiplying first would round a long fraction away unseen.
        if yuan != round(yuan, 2):
            raise self.defect("too_precise")
        return int(round(yuan, 2) * FEN_PER_YUAN)

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        kind = column.type
        if is_text(kind):
            text = column.cast(pa.string())
            clean = pc.if_else(pc.match_substring_regex(text, r"^-?\d{1,12}(\.\d{1,2})?$"), text, None)
            yuan = clean.cast(pa.decimal128(16, 2))
            fen = pc.multiply(yuan, pa.scalar(Decimal(FEN_PER_YUAN), pa.decimal128(3, 0))).cast(pa.int64())
        elif is_int64(kind):
            wide = column.cast(pa.int64())
            near = _between(wide, -(10**12), 10**12)
            fen = pc.multiply(pc.if_else(near, wide, None), FEN_PER_YUAN)
        elif pa.types.is_floating(kind):
            wide = column.cast(pa.float64())
            near = pc.and_kleene(pc.is_finite(wide), pc.less(pc.abs(wide), 1e11))
            rounded = pc.round(pc.multiply(pc.if_else(near, wide, None), float(FEN_PER_YUAN)))
            # A float is an amount in fen exactly when it is the float nearest to that amount.
            exact = pc.equal(pc.divide(rounded, float(FEN_PER_YUAN)), wide)
            fen = pc.if_else(exact, rounded, None).cast(pa.int64())
        else:
            return super().parse_column(column)
        low, high = self.minimum_yuan * FEN_PER_YUAN, self.maximum_yuan * FEN_PER_YUAN
        return fen, pc.fill_null(_between(fen, low, high), False)

    def to_surface(self, value: Value) -> float | None:
        return None if value is None else int(value) / FEN_PER_YUAN  # type: ignore[arg-type]

    def _generate(self, rng: random.Random) -> float:
        top = min(self.maximum_yuan, 60_000)
        return rng.randrange(self.minimum_yuan * FEN_PER_YUAN, top * FEN_PER_YUAN) / FEN_PER_YUAN


@dataclass(frozen=True, kw_only=True)
class Count(Field):
    """A whole number. Beyond `usual_maximum` it is rare, and a slip of the unit where many rows have it."""

    minimum: int = 0
    maximum: int = 1_000_000
    usual_maximum: int | None = None
    arrow_type = pa.int64()
    type_name = "count"

    @property
    def rule(self) -> tuple[str, str]:
        return f"整数，{self.minimum} 至 {self.maximum}", f"whole number, {self.minimum} to {self.maximum}"

    def _parse(self, value: object) -> int:
        if isinstance(value, str):
            if not re.fullmatch(r"-?\d{1,12}", value, re.ASCII):
                raise self.defect("not_a_number")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not is_whole(value):
            raise self.defect("not_a_number")
        if not self.minimum <= value <= self.maximum:
            raise self.defect("out_of_range")
        return int(value)

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        kind = column.type
        if is_text(kind):
            text = column.cast(pa.string())
            whole = pc.if_else(pc.match_substring_regex(text, r"^-?\d{1,12}$"), text, None).cast(pa.int64())
        elif is_int64(kind):
            whole = column.cast(pa.int64())
        elif pa.types.is_floating(kind):
            wide = column.cast(pa.float64())
            near = pc.and_kleene(pc.is_finite(wide), pc.less(pc.abs(wide), 1e12))
            exact = pc.and_kleene(near, pc.equal(pc.round(wide), wide))
            whole = pc.if_else(exact, wide, None).cast(pa.int64())
        else:
            return super().parse_column(column)
        return whole, pc.fill_null(_between(whole, self.minimum, self.maximum), False)

    def _generate(self, rng: random.Random) -> int:
        return rng.randint(self.minimum, min(self.maximum, self.minimum + 100))


@dataclass(frozen=True, kw_only=True)
class Flag(Field):
    """Yes or no. Files may write true/false or 1/0, the two as text or as numbers."""

    arrow_type = pa.bool_()
    type_name = "flag"
    _TEXTS: ClassVar[dict[str, bool]] = dict(
        zip(("true", "True", "1", "false", "False", "0"), (True,) * 3 + (False,) * 3, strict=True)
    )

    @property
    def rule(self) -> tuple[str, str]:
        return "true 或 false", "true or false"

    def _parse(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self._TEXTS:
            return self._TEXTS[value]
        raise self.defect("not_a_flag")

    def parse_cell(self, value: object) -> Value:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int | float | Decimal) and not is_missing(value) and value in (0, 1):
            value = bool(value)
        return self.parse(value)

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        if pa.types.is_boolean(column.type):
            return column, pc.fill_null(pc.is_valid(column), False)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            number = column.cast(pa.float64(), safe=False)
            yes = pc.equal(number, 1.0)
            return yes, pc.fill_null(pc.or_(yes, pc.equal(number, 0.0)), False)
        if not is_text(column.type):
            return super().parse_column(column)
        text = column.cast(pa.string())
        yes = pc.is_in(text, pa.array([key for key, flag in self._TEXTS.items() if flag]))
        return yes, pc.fill_null(pc.is_in(text, pa.array(list(self._TEXTS))), False)

    def _generate(self, rng: random.Random) -> bool:
        return rng.random() < 0.5


@dataclass(frozen=True, kw_only=True)
class Category(Field):
    """One of a closed list of words."""

    categories: tuple[str, ...]
    arrow_type = pa.string()
    type_name = "category"
    is_textual = True

    @property
    def rule(self) -> tuple[str, str]:
        return "其中之一：" + "、".join(self.categories), "one of " + ", ".join(self.categories)

    def _parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.defect("not_text")
        if value not in self.categories:
            raise self.defect("unknown_category")
        return value

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        if not is_text(column.type):
            return super().parse_column(column)
        text = column.cast(pa.string())
        return text, pc.fill_null(pc.is_in(text, pa.array(self.categories)), False)

    def _generate(self, rng: random.Random) -> str:
        return rng.choice(self.categories)


def _between(values: Any, low: Any, high: Any) -> Any:
    kind = values.type
    return pc.and_kleene(
        pc.greater_equal(values, pa.scalar(low, kind)), pc.less_equal(values, pa.scalar(high, kind))
    )
