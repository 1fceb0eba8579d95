"""The command that hands what became of cases to those who make models."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from features.screen import show_table
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened
from serving.errors import ServingError

if TYPE_CHECKING:
    import pyarrow as pa

outcomes = typer.Typer(
    name="outcomes", help="What became of cases, as labels for training.", no_args_is_help=True
)
PROVENANCE = "provenance.json"


@outcomes.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder; tables of an earlier export there are replaced")],
    until: Annotated[str, typer.Option(help="Last day that counts, YYYY-MM-DD")],
    database: DatabaseOption,
    former: Annotated[
        Path | None,
        typer.Option(help="outcomes.parquet of before the service: each household keeps its first"),
    ] = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Write outcomes, visits, help, endings and answers as `python -m training run` reads them.

    The export is in the log of reads. Tables hold households' keys, findings and causes: keep them as the
    signals are kept.
    """
    from features.signals.buckets import replace_file
    from serving.outcomes.tables import gather_outcomes
    from serving.storage.audit_actions import Action, Outcome
    from serving.storage.database import WRITES

    day = _day(until)
    before = _former(former) if former is not None else None
    with opened(database, audit_key_file) as (_, log):
        log.check_key()
        with log.engine.connect() as connection:
            made = gather_outcomes(connection, day, before)
        contents = {name: _content(table) for name, table in made.tables.items()}
        told = {
            "until": day.isoformat(),
            "made_at": log.now().isoformat(timespec="seconds"),
            "rows": made.counts,
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        }
        text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        # What is not logged is not handed out: no file is there before its entry.
        with log.engine.execution_options(**WRITES).begin() as connection:
            log.append(connection, OPERATOR, Action.OUTCOMES_EXPORTED, [digest], Outcome.DONE)
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace_file(out / f"{name}.parquet", content)
        (out / PROVENANCE).write_text(text, encoding="utf-8")
    if as_json:
        print(json.dumps({"out": str(out), **told}, ensure_ascii=False))
        return
    table = Table(title=f"What was recorded until {day}", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in made.counts.items():
        table.add_row(name, f"{rows:,}")
    show_table(table)


def _day(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ServingError("--until: give a date that exists, as YYYY-MM-DD") from None


def _former(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        raise ServingError(f"--former: {path} is no Parquet table of outcomes") from None
    needed = ("household_id", "identified_on", "cause_code", "object_type")
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise ServingError(f"--former: {path} lacks {', '.join(missing)}")
    return table


def _content(table: pa.Table) -> bytes:
    """The bytes of a table's Parquet file."""
    import io

    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()
