"""ID numbers (公民身份号码): checked at intake, never stored and never repeated in a message.

GB 11643: six digits of the place, the date of birth, a sequence of three digits and a check character by
ISO 7064 MOD 11-2, a digit or a capital X. A disability certificate is an ID number with two characters more
(type and grade), or four when it was issued anew. What a spreadsheet does to them: beyond 15 digits it puts
zeros (``…000``), or shows them as ``5.00299E+17``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.signals.cells import is_text
from features.signals.fields import EARLIEST, LATEST, Field
from features.signals.pseudonyms import CHECKS, WEIGHTS, check_character

LENGTH, CERTIFICATE_LENGTHS = 18, (20, 22)
ROUNDED = "000"
_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_CERTIFICATE = re.compile(r"[1-7][1-4](B[1-9])?")
_AS_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE]\+?[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class IdNumber(Field):
    """An ID number as delivered; its value is the first 18 characters, for the checks of intake alone."""

    arrow_type = pa.string()
    type_name = "ID number"
    is_textual = True

    @property
    def rule(self) -> tuple[str, str]:
        return (
            "18 位公民身份号码（GB 11643），或 20、22 位残疾人证号",
            "18 characters after GB 11643, or the 20 or 22 of a disability certificate",
        )

    def _parse(self, value: object) -> str:
        if not isinstance(value, str):
            # Also a whole number: a table that keeps them as numbers cannot hold those with an X.
            raise self.defect("id_number_lost_digits")
        number, rest = value[:LENGTH], value[LENGTH:]
        if not value.isdigit() and _AS_NUMBER.fullmatch(value):
            raise self.defect("id_number_lost_digits")
        if not re.fullmatch(r"[0-9A-Z]*", value):
            raise self.defect("id_number_malformed")
        if len(value) not in (LENGTH, *CERTIFICATE_LENGTHS):
            raise self.defect("id_number_length")
        if not _SHAPE.fullmatch(number) or (rest and not _CERTIFICATE.fullmatch(rest)):
            raise self.defect("id_number_malformed")
        is_right = number[-1] == check_character(number[:-1])
        if not is_right and number.endswith(ROUNDED):
            raise self.defect("id_number_rounded")
        if born_on(number) is None:
            raise self.defect("id_number_birth_date")
        if not is_right:
            raise self.defect("id_number_checksum")
        return number

    def parse_column(self, column: pa.Array) -> tuple[pa.Array, pa.Array]:
        if not is_text(column.type):
            return super().parse_column(column)
        text = column.cast(pa.string())
        shaped = pc.fill_null(pc.match_substring_regex(text, r"^[0-9]{17}[0-9X]$"), False)
        rows = np.flatnonzero(shaped.to_numpy(zero_copy_only=False))
        taken = text.filter(shaped)
        # All are 18 bytes long and none is null, so the bytes lie one number after the other.
        first = taken.offset * LENGTH
        data = np.frombuffer(taken.buffers()[2] or b"", np.uint8)[first : first + len(taken) * LENGTH]
        flat = data.reshape(-1, LENGTH)
        sums = (flat[:, :-1] - ord("0")).astype(np.int64) @ np.array(WEIGHTS)
        is_right = np.frombuffer(CHECKS.encode(), np.uint8)[sums % 11] == flat[:, -1]
        days = _days(pc.utf8_slice_codeunits(taken, 6, 14))
        settled = np.zeros(len(column), dtype=bool)
        settled[rows] = is_right & pc.is_valid(days).to_numpy(zero_copy_only=False)
        return text, pa.array(settled)


@dataclass(frozen=True)
class SameBirth:
    """The date of birth inside the ID number is the member's."""

    code: str
    field: str
    born_column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return self.field, self.born_column

    def holds(self, row: Mapping[str, Any]) -> bool:
        return bool(born_on(row[self.field]) == row[self.born_column])

    def holds_for(self, table: pa.Table) -> Any:
        inside = _days(pc.utf8_slice_codeunits(table[self.field], 6, 14))
        return pc.fill_null(pc.equal(inside, table[self.born_column]), True)


def born_on(number: str) -> dt.date | None:
    """The date of birth inside an ID number; `None` where it is no day that a date field takes."""
    try:
        day = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


def are_longer(delivered: Any) -> pa.Array:
    """The mask of cells, as they came, that hold more than an ID number."""
    if isinstance(delivered, list):
        delivered = pa.array(
            [one if isinstance(one, str) and one.isascii() else None for one in delivered], pa.string()
        )
    return pc.fill_null(pc.greater(pc.utf8_length(delivered.cast(pa.string())), LENGTH), False)


def doubtful_numbers(numbers: Any, is_longer: Any, owners: Any) -> dict[str, Any]:
    """Code → mask of the rows whose number is accepted and does not quite fit.

    `numbers` are those of all accepted rows of a delivery, null where there is none, `is_longer` says which
    were delivered with more (`are_longer`), and `owners` are the member of each row: one number for several
    members is a duplicate, several numbers for one member are a change. Only rows of one delivery are
    compared; nothing of a number is kept for the next.
    """
    table = pa.table({"number": numbers, "owner": owners}).filter(pc.is_valid(numbers))
    masks = {
        "id_number_is_certificate": pc.and_(is_longer, pc.is_valid(numbers)),
        "id_number_ends_in_zeros": pc.ends_with(numbers, ROUNDED),
        "duplicate_id_number": pc.is_in(numbers, _of_several(table, "number", "owner")),
        "id_number_changed": pc.and_(
            pc.is_in(owners, _of_several(table, "owner", "number")), pc.is_valid(numbers)
        ),
    }
    return {code: pc.fill_null(mask, False).to_numpy() for code, mask in masks.items()}


def _of_several(table: pa.Table, one: str, other: str) -> pa.Array:
    """The values of a column beside which another column has more than one value."""
    counted = table.group_by(one).aggregate([(other, "count_distinct")])
    return counted.filter(pc.greater(counted[f"{other}_count_distinct"], 1))[one].combine_chunks()


def _days(texts: Any) -> Any:
    """Days written YYYYMMDD, null where a date field has no such day."""
    stamps = pc.strptime(texts, "%Y%m%d", "s", error_is_null=True)
    # strptime rolls 30 February over.
    same = pc.equal(pc.strftime(stamps, "%Y%m%d"), texts)
    days = pc.if_else(pc.fill_null(same, False), stamps, None).cast(pa.date32())
    near = pc.and_(pc.greater_equal(days, pa.scalar(EARLIEST)), pc.less_equal(days, pa.scalar(LATEST)))
    return pc.if_else(pc.fill_null(near, False), days, None)
