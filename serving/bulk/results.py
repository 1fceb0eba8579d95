"""Result files: one flat row a household, in parts as they are scored and then as one file.

In CSV a text that a spreadsheet would compute gets an apostrophe before it; a workbook and Parquet have it as
it came. Every file says who ordered it, when it was made and for what: CSV in the last columns of every row,
so that no reader stumbles over a line that is no row and a part that is cut out still says it; a workbook on
a sheet of its own; Parquet in its metadata.
"""

from __future__ import annotations

import csv
import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.statement import put_into_words
from serving.access.purpose import Purpose
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

_COMPUTED = frozenset("=+-@\t\r\n")
_UNSEEN = frozenset(" \u00a0\u200b\u200c\u200d\u2060\ufeff\u3000")
"""What spreadsheets and people overlook before a formula."""


@dataclass(frozen=True)
class Origin:
    """Who ordered a result file, when it was made, and for what."""

    ordered_by: str
    role: str
    made_at: dt.datetime
    purpose: Purpose

    def as_texts(self) -> dict[str, str]:
        """The same in words, by the names that every kind of file has for them."""
        return {
            "exported_by": f"{self.ordered_by} ({self.role})",
            "exported_at": self.made_at.isoformat(timespec="seconds"),
            "export_purpose": f"{self.purpose.text('zh')} {self.purpose.value}",
        }


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


def join_parts(parts: Sequence[Path], path: Path, kind: ResultKind, origin: Origin) -> None:
    """Write the rows of all parts as one file."""
    write_safely(path, lambda beside: _WRITERS[kind](parts, beside, origin))


def _write_parquet(parts: Sequence[Path], path: Path, origin: Origin) -> None:
    schema = SCHEMA.with_metadata(origin.as_texts())
    with pq.ParquetWriter(path, schema) as out:
        for one in parts:
            out.write_table(pq.read_table(one, partitioning=None).replace_schema_metadata(schema.metadata))


def _write_csv(parts: Sequence[Path], path: Path, origin: Origin) -> None:
    said = origin.as_texts()
    # The mark is what spreadsheets know UTF-8 by.
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
        lines.writerow([*SCHEMA.names, *said])
        lines.writerows([*map(neutral, row), *said.values()] for row in _rows(parts))


def _write_xlsx(parts: Sequence[Path], path: Path, origin: Origin) -> None:
    from xlsxwriter import Workbook

    # Cells are texts, numbers and days as they are: nothing is taken for a formula, a link or a number. Rows
    # go to the disk one by one, beside the result and not where other programs keep temporary files.
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False, "tmpdir": str(path.parent),
    }  # fmt: skip
    with Workbook(str(path), options) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("scores")
        sheet.freeze_panes(1, 1)
        sheet.write_row(0, 0, SCHEMA.names)
        for number, row in enumerate(_rows(parts), 1):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell[:_LONGEST_CELL])
                elif isinstance(cell, dt.date):
                    sheet.write_datetime(number, place, cell, day)
                elif cell is not None:
                    sheet.write_number(number, place, cell)
        about = book.add_worksheet("说明 about")
        for number, (name, said) in enumerate(origin.as_texts().items()):
            about.write_string(number, 0, name)
            about.write_string(number, 1, said)


def _rows(parts: Sequence[Path]) -> Iterator[tuple[Any, ...]]:
    for one in parts:
        columns = [column.to_pylist() for column in pq.read_table(one, partitioning=None).columns]
        yield from zip(*columns, strict=True)


def neutral(cell: Any) -> Any:
    """A cell that no spreadsheet computes.

    Also where the sign is written in full width, small or raised (＝﹦⁺), which some programs take for the
    plain one, or stands behind spaces and characters without a form.
    """
    if not isinstance(cell, str):
        return cell
    first = next((one for one in cell if one not in _UNSEEN), "")
    if cell[:1] in _COMPUTED or unicodedata.normalize("NFKC", first)[:1] in _COMPUTED:
        return f"'{cell}"
    return cell


_LONGEST_CELL = 32_767
"""Characters that a cell of a workbook holds."""
_WRITERS = {ResultKind.PARQUET: _write_parquet, ResultKind.CSV: _write_csv, ResultKind.XLSX: _write_xlsx}
