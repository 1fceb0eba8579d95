"""Defects: what intake can find wrong with a row, each under a stable code, the name of the rule it breaks.

The words stand in ``defects.yaml``, in Chinese and English, with the severity: ``reject`` sends a row to the
quarantine, ``flag`` accepts it and names it in the report. A code without an entry is an error at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

import yaml

Severity = Literal["reject", "flag"]


@dataclass(frozen=True)
class DefectKind:
    """One rule: how severe it is to break it, what is wrong then, and the way out."""

    code: str
    severity: Severity
    zh: str
    en: str
    way_out_zh: str
    way_out_en: str


@cache
def defect_kinds() -> Mapping[str, DefectKind]:
    """Every rule by its code, in the order people read them."""
    text = resources.files(__package__).joinpath("defects.yaml").read_text(encoding="utf-8")
    return {
        code: DefectKind(
            code, one["severity"], one["zh"], one["en"], one["way_out"]["zh"], one["way_out"]["en"]
        )
        for code, one in yaml.safe_load(text).items()
    }


WHOLE_ROW = "row"
"""What stands for the field where a defect is of the row as a whole."""


class Defect(Exception):
    """One value that breaks a rule: a stable code and the way out, never the value itself.

    `given` fills the names in the way out, each as (Chinese, English).
    """

    def __init__(self, code: str, **given: tuple[str, str]) -> None:
        self.code = code
        self.way_out_zh, self.way_out = _ways_out(code, tuple(given.items()))
        super().__init__(f"{code}: {self.way_out}")

    def at(self, field: str) -> RowDefect:
        """The defect as found in a row."""
        return _row_defect(self.code, field, self.way_out, self.way_out_zh)


@dataclass(frozen=True)
class RowDefect:
    """Why a row was refused: a stable code, the surface field and the way out. Never the value."""

    code: str
    field: str
    way_out: str
    way_out_zh: str


MOST_ALIKE = 4_096
"""Where a file is at fault, many rows are by the same few rules: their words are made and kept once."""


@lru_cache(MOST_ALIKE)
def _ways_out(code: str, given: tuple[tuple[str, tuple[str, str]], ...]) -> tuple[str, str]:
    kind = defect_kinds()[code]
    return (
        kind.way_out_zh.format(**{name: zh for name, (zh, _) in given}),
        kind.way_out_en.format(**{name: en for name, (_, en) in given}),
    )


_row_defect = lru_cache(MOST_ALIKE)(RowDefect)
