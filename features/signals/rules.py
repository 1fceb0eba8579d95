"""Rules between the fields of one row. Each asks one row or a whole table, with the same answer.

A rule speaks where its own columns are in order, whatever is wrong with the others. Its words and the way
out stand in ``defects.yaml`` under its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc


class RowRule(Protocol):
    """A rule with a stable code, the surface field it is reported at and the stored columns it reads."""

    @property
    def code(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of stored values keeps the rule."""
        ...

    def holds_for(self, table: pa.Table) -> Any:
        """The same for every row of a stored table, as a boolean Arrow array."""
        ...


@dataclass(frozen=True)
class NotBefore:
    """`later` is not before `earlier`, where both are there."""

    code: str
    later: str
    earlier: str

    @property
    def field(self) -> str:
        return self.later

    @property
    def columns(self) -> tuple[str, ...]:
        return self.later, self.earlier

    def holds(self, row: Mapping[str, Any]) -> bool:
        later, earlier = row[self.later], row[self.earlier]
        return later is None or earlier is None or bool(later >= earlier)

    def holds_for(self, table: pa.Table) -> Any:
        return pc.fill_null(pc.greater_equal(table[self.later], table[self.earlier]), True)


@dataclass(frozen=True)
class BothOrNeither:
    """Two fields are given together or not at all."""

    code: str
    first: str
    second: str

    @property
    def field(self) -> str:
        return self.second

    @property
    def columns(self) -> tuple[str, ...]:
        return self.first, self.second

    def holds(self, row: Mapping[str, Any]) -> bool:
        return (row[self.first] is None) == (row[self.second] is None)

    def holds_for(self, table: pa.Table) -> Any:
        return pc.equal(pc.is_null(table[self.first]), pc.is_null(table[self.second]))


@dataclass(frozen=True)
class SumAtMost:
    """The parts do not add up to more than the whole; all are required amounts in fen."""

    code: str
    field: str
    parts: tuple[str, str]
    whole: str

    @property
    def columns(self) -> tuple[str, ...]:
        return *self.parts, self.whole

    def holds(self, row: Mapping[str, Any]) -> bool:
        return bool(row[self.parts[0]] + row[self.parts[1]] <= row[self.whole])

    def holds_for(self, table: pa.Table) -> Any:
        kept = pc.less_equal(pc.add(table[self.parts[0]], table[self.parts[1]]), table[self.whole])
        return pc.fill_null(kept, True)
