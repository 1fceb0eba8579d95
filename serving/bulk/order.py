"""An order: what a caller wants done with the files that were sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from features.signals import PLATFORM_FEEDS, REQUEST_FEEDS
from serving.access.purpose import Purpose

PURPOSE = "score"
COVERAGE = "coverage"
DELIVERY = "delivery"
"""The name of the part that is an archive of tables."""

FEEDS = tuple(one for one in REQUEST_FEEDS if one not in PLATFORM_FEEDS)
"""The feeds that may be sent; what is known of a village comes from the last batch."""
TABLES = (*FEEDS, COVERAGE)
PARTS = (*TABLES, DELIVERY)


class Mode(StrEnum):
    """Whether anything is stored."""

    DRY_RUN = "dry_run"
    COMMIT = "commit"


class RowPolicy(StrEnum):
    """What a refused row means for the others."""

    ATOMIC = "atomic"
    PER_ROW = "per_row"


class ResultKind(StrEnum):
    """The form of the result file."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True)
class SentFile:
    """A file as it was kept: which part it was, its name in the job's folder, size and hash."""

    part: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Order:
    """One order. Its files are told apart by content, so that the same order has the same fingerprint."""

    as_of: dt.date
    mode: Mode
    rows: RowPolicy
    result: ResultKind
    files: tuple[SentFile, ...]
    result_purpose: Purpose = Purpose.SCREENING

    def as_json(self) -> dict[str, Any]:
        """The order as a plain document."""
        return {**asdict(self), "as_of": self.as_of.isoformat(), "files": [asdict(one) for one in self.files]}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Order:
        """The inverse of `as_json`."""
        return cls(
            dt.date.fromisoformat(given["as_of"]),
            Mode(given["mode"]),
            RowPolicy(given["rows"]),
            ResultKind(given["result"]),
            tuple(SentFile(**one) for one in given["files"]),
            # Orders from before there were purposes have none.
            Purpose(given.get("result_purpose", Purpose.SCREENING)),
        )
