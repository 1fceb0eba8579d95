"""Result files: one flat row a household, in parts as they are scored and then as one file.

In CSV a text that a spreadsheet would compute gets an apostrophe before it; Parquet holds it as it came.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.statement import put_into_words
from serving.bulk.folders import write_safely
from serving.bulk.order import ResultKind

_TEXTS = (
    "disagreement", "model_version", "policy_version", "feature_version"
)  # fmt: skip
SCHEMA = pa.schema([
    ("household_id", pa.string()), ("village_code", pa.string()), ("as_of_date", pa.date32()),
    ("horizon_months", pa.int16()), ("score", pa.float64()), ("base_rate", pa.float64()),
    ("grade", pa.string()), ("grade_zh", pa.string()), ("suggested_action", pa.string()),
    ("suggested_action_zh", pa.string()), ("reason_codes", pa.string()), ("reasons_zh", pa.string()),
    ("reasons_en", pa.string()), ("rule_hits", pa.string()), ("missing_feeds", pa.string()),
    ("stale_feeds", pa.string()), ("partial_feeds", pa.string()),
    *((name, pa.string()) for name in _TEXTS),
])  # fmt: skip
"""Lists are joined by semicolons, sentences by spaces, in the order of their weight."""

_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n")


def flat_row(statement: Mapping[str, Any], village_code: str) -> dict[str, Any]:
    """What is said of one household in one row."""
    worded = put_into_words(statement)
    reasons = worded["risk_reasons"]
    return {
        "household_id": worded["household_id"],
        "village_code": village_code,
        "as_of_date": dt.date.fromisoformat(worded["as_of_date"]),
        "horizon_months": worded["horizon_months"],
        "score": worded["score"],
        "base_rate": worded["base_rate"],
        "grade": worded["grade"],
        "grade_zh": worded["grade_text"]["zh"],
        "suggested_action": worded["suggested_action"],
        "suggested_action_zh": worded["suggested_action_text"]["zh"],
        "reason_codes": ";".join(one["code"] for one in reasons),
        "reasons_zh": "".join(one["text"]["zh"]["sentence"] for one in reasons),
        "reasons_en": " ".join(one["text"]["en"]["sentence"] for one in reasons),
        "rule_hits": ";".join(one["code"] for one in worded["rule_hits"]),
        **{name: ";".join(worded[name]) for name in ("missing_feeds", "stale_feeds", "partial_feeds")},
        **{name: worded[name] for name in _TEXTS},
    }


def save_part(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Keep some rows on the disk."""
    table = pa.Table.from_pylist(list(rows), SCHEMA)
    write_safely(path, lambda beside: pq.write_table(table, beside))


def join_parts(parts: Sequence[Path], path: Path, kind: ResultKind) -> None:
    """Write the rows of all parts as one file."""
    write_safely(path, lambda beside: _WRITERS[kind](parts, beside))


def _write_parquet(parts: Sequence[Path], path: Path) -> None:
    with pq.ParquetWriter(path, SCHEMA) as out:
        for one in parts:
            out.write_table(pq.read_table(one, partitioning=None))


def _write_csv(parts: Sequence[Path], path: Path) -> None:
    # The mark is what spreadsheets know UTF-8 by.
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
        lines.writerow(SCHEMA.names)
        for one in parts:
            columns = [column.to_pylist() for column in pq.read_table(one, partitioning=None).columns]
            lines.writerows([neutral(cell) for cell in row] for row in zip(*columns, strict=True))


def neutral(cell: Any) -> Any:
    """A cell that no spreadsheet computes."""
    if isinstance(cell, str) and cell.startswith(_COMPUTED):
        return f"'{cell}"
    return cell


_WRITERS = {ResultKind.PARQUET: _write_parquet, ResultKind.CSV: _write_csv}
