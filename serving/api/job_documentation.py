"""The parts of the OpenAPI document that tell of jobs: the form, an example, the queries, the result."""

from __future__ import annotations

import csv
import io
from typing import Any

from features.signals import CONTRACTS
from serving.access.purpose import RESULT_PURPOSES, Purpose
from serving.api.documentation import example_request
from serving.bulk.order import COVERAGE, DELIVERY, FEEDS, Mode, ResultKind, RowPolicy

FIELDS = ("purpose", "as_of_date", "mode", "rows", "result", "result_purpose")

_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_KINDS = ".csv (UTF-8 or GB18030), .csv.gz, .xlsx or .parquet"


def example_form() -> dict[str, str]:
    """A whole form: its short fields, and tables of an invented household as CSV."""
    request = example_request()
    (household,) = request["households"]
    tables = {
        feed: [{"household_id": household["household_id"], **row} for row in rows]
        for feed, rows in household["signals"].items()
        if feed in ("household", "member")
    }
    tables[COVERAGE] = [row for row in request["coverage"] if row["feed"] in tables]
    short = {"purpose": "score", "as_of_date": request["as_of_date"], "mode": "dry_run", "rows": "per_row"}
    return {**short, **{name: _csv(rows) for name, rows in tables.items()}}


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
        for row in rows
    )
    return text.getvalue()


EXAMPLE_JOB: dict[str, Any] = {
    "id": "6f1d3c9f0a5b4e0f8d2c7b6a59483726",
    "purpose": "score",
    "state": "succeeded",
    "is_cancelling": False,
    "as_of_date": "2026-10-31",
    "mode": "commit",
    "rows": "per_row",
    "result": "parquet",
    "result_purpose": "screening",
    "progress": {"step": "ended", "done": 1999, "total": 1999},
    "counts": {
        "rows_in": 14210, "rows_accepted": 14187, "rows_refused": 23, "rows_flagged": 41,
        "households": 1999, "errors": 25,
    },
    "feeds": {
        "household": {"rows_in": 2000, "rows_accepted": 1999, "rows_refused": 1, "rows_flagged": 0},
        "member": {"rows_in": 6110, "rows_accepted": 6105, "rows_refused": 5, "rows_flagged": 12},
        "income": {"rows_in": 6100, "rows_accepted": 6083, "rows_refused": 17, "rows_flagged": 29},
    },
    "silent_feeds": [],
    "stored": {"new": 1997, "unchanged": 0, "changed": 0},
    "grades": {"high": 31, "medium": 160, "low": 1806},
    "low_with_gaps": 12,
    "nothing_known": 2,
    "model_version": "county-2026-10",
    "failure": None,
    "has_result": True,
    "created_at": "2026-11-01T01:00:00+00:00",
    "started_at": "2026-11-01T01:00:01+00:00",
    "finished_at": "2026-11-01T01:00:19+00:00",
    "deadline_at": "2026-11-01T07:00:00+00:00",
    "kept_until": "2026-11-08T01:00:19+00:00",
}  # fmt: skip
"""A job that was done."""

ERROR_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "offset", "in": "query", "required": False,
        "schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000, "default": 0},
        "description": "How many errors to leave out before the first",
    },
    {
        "name": "limit", "in": "query", "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
        "description": "How many errors to answer at most",
    },
]  # fmt: skip

RESULT_TYPES = {
    ResultKind.PARQUET: "application/vnd.apache.parquet",
    ResultKind.CSV: "text/csv; charset=utf-8",
    ResultKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
RESULT_CONTENT: dict[str, Any] = {kind.split(";")[0]: {"schema": _FILE} for kind in RESULT_TYPES.values()}


def job_request_body() -> dict[str, Any]:
    """The form of `POST /v1/jobs` in OpenAPI 3.1."""
    feeds = {
        name: {**_FILE, "description": f"{CONTRACTS[name].zh} / {CONTRACTS[name].en}: {_KINDS}"}
        for name in FEEDS
    }
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["as_of_date"],
        "properties": {
            "purpose": {"type": "string", "enum": ["score"], "default": "score"},
            "as_of_date": {
                "type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$",
                "description": "评估日期 / only what was known by this day counts",
            },
            "mode": {
                "type": "string", "enum": [one.value for one in Mode], "default": Mode.COMMIT.value,
                "description": "dry_run checks the files and stores nothing",
            },
            "rows": {
                "type": "string", "enum": [one.value for one in RowPolicy], "default": RowPolicy.ATOMIC.value,
                "description": "atomic: one refused row refuses the job; per_row: the sound rows are scored",
            },
            "result": {
                "type": "string", "enum": [one.value for one in ResultKind],
                "default": ResultKind.PARQUET.value,
            },
            "result_purpose": {
                "type": "string", "enum": [one.value for one in RESULT_PURPOSES],
                "default": Purpose.SCREENING.value,
                "description": "结果文件的用途，写入文件 / what the result file is for; the file says so: "
                + "; ".join(f"{one.value} {one.text('zh')}" for one in RESULT_PURPOSES),
            },
            **feeds,
            COVERAGE: {
                **_FILE,
                "description": "Which feed is complete for which area and period; without a statement a feed "
                "counts as missing, never as zero. So does a feed whose table is not sent, whatever is "
                "stated: send a table of column names alone where nobody had any",
            },
            DELIVERY: {
                **_FILE,
                "description": "A .zip with the tables, named like household.csv, in place of single parts",
            },
        },
    }  # fmt: skip
    content = {"multipart/form-data": {"schema": schema, "example": example_form()}}
    return {"required": True, "content": content}
