"""Mending: refused rows that somebody has put right are taken in and added to the stored signals.

A row is checked again once it was changed. What is in order moves from the quarantine into the signals; what
is not stays, with its new defects; what nobody touched stays as it is. The signals and the quarantine change
together, so that a row is in one of the two at every moment and never in both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.connection import connect
from features.errors import ContractError
from features.policy import policy_value
from features.signals import CONTRACTS
from features.signals.beside import EDITED, alone, change, digests, edited
from features.signals.buckets import Buckets
from features.signals.checks import judge
from features.signals.defects import WHOLE_ROW, Defect
from features.signals.delivery import FLAG_COLUMNS, flag_rows
from features.signals.intake import Flagged, Intake, take_in
from features.signals.lines import split_line
from features.signals.quarantine import KeptRow, Quarantine, csv_bytes
from features.signals.refusals import Refusals
from features.signals.store import Signals
from features.signals.traces import SCHEMA as TRACES


def mend(
    directory: Path, *, region: str, on: dt.date, mended: Path | None = None, is_dry_run: bool = False
) -> dict[str, Intake]:
    """Take in what was mended in ``directory/quarantine``, or in the copies of its files in `mended`.

    Returns what became of the rows that waited, feed by feed. A row of a copy that somebody changed stands
    for the row of the same number; one that no longer waits was taken in before and is left alone. Rows keep
    the dates they came with; those without an arrival date get the careful guess. Flags of the rows taken in
    are added to those there are, as judged on `on`. With `is_dry_run` nothing changes. Raises `ContractError`
    when a file is misshapen, a copy is of another delivery than what waits, or another process is at work in
    the folder.
    """
    for folder, holds in ((directory, "the stored signals"), (mended, "the mended copies")):
        if folder is not None and not folder.is_dir():
            raise ContractError(f"there is no folder {folder}: give the one that holds {holds}")
    # A folder without signals is left as it is.
    Buckets.open(directory)
    with alone(directory):
        seen = digests(directory)
        signals = Signals.load(directory)
        delays = policy_value("feed_delay_days", region, on).value
        checked = {}
        for feed in CONTRACTS:
            book = _book(directory, mended, feed)
            if book is not None:
                checked[feed] = _check(feed, book, signals.tables[feed], delays[feed])
        added = Signals(
            {
                feed: pa.concat_tables([table, checked[feed].intake.accepted]) if feed in checked else table
                for feed, table in signals.tables.items()
            },
            signals.coverage,
        )
        if any(len(one.intake.accepted) for one in checked.values()):
            found = judge(added, region, on).flagged
            for feed, one in checked.items():
                news = _of_new_rows(found.get(feed, ()), len(signals.tables[feed]))
                intake = replace(one.intake, flagged=(*one.intake.flagged, *news))
                checked[feed] = replace(one, intake=intake)
        if not is_dry_run:
            _write(directory, added, checked, seen)
    return {feed: one.intake for feed, one in checked.items()}


def _of_new_rows(flagged: tuple[Flagged, ...], stored: int) -> list[Flagged]:
    news = [
        replace(flag, places=tuple(place - stored for place in flag.places if place >= stored))
        for flag in flagged
    ]
    return [flag for flag in news if flag.places]


def _book(directory: Path, mended: Path | None, feed: str) -> Quarantine | None:
    """What waits of a feed, with what was mended in it; `None` where nothing waits."""
    contract, folder = CONTRACTS[feed], directory / "quarantine"
    book = Quarantine.open(contract, folder)
    if book is None:
        return None
    for path in edited(directory, feed):
        copy = Quarantine.read(contract, path)
        # What was edited in a delivery that another one took the place of has nothing to be put right in.
        if copy.delivery == book.delivery:
            book = _with_copy(book, copy, f"{EDITED}/{path.name}")
    if mended is not None and (mended / f"{feed}.csv").is_file() and not mended.samefile(folder):
        book = _with_copy(book, Quarantine.read(contract, mended / f"{feed}.csv"), f"mended {feed}.csv")
    return book


def _with_copy(book: Quarantine, copy: Quarantine, name: str) -> Quarantine:
    if copy.names != book.names:
        raise ContractError(f"the {name} has other columns than the quarantine it was copied from")
    theirs = {row.number: row for row in copy.rows}
    known = {*book.taken, *(row.number for row in book.rows)}
    if copy.rows and (copy.delivery != book.delivery or not theirs.keys() <= known):
        raise ContractError(
            f"the {name} was copied from the quarantine of another delivery than the one that waits now: "
            "its rows are others, so mend a copy of the present one"
        )
    rows = []
    for row in book.rows:
        other = theirs.get(row.number)
        if other is None or not other.is_mended or (other.cells, other.line) == (row.cells, row.line):
            rows.append(row)
        else:
            rows.append(replace(row, cells=other.cells, line=other.line, written_as=row.written))
    return replace(book, rows=tuple(rows))


@dataclass(frozen=True)
class _Checked:
    """The rows of one quarantine after another check: `numbers` are those of the rows now accepted."""

    intake: Intake
    waiting: Quarantine
    numbers: tuple[int, ...]


def _check(feed: str, book: Quarantine, stored: pa.Table, delay_days: int) -> _Checked:
    contract = CONTRACTS[feed]
    rows, refused = list(book.rows), {}
    for place, row in enumerate(rows):
        known = row.found(contract)
        if not row.is_mended and known:
            refused[place] = known
        elif row.line is not None:
            try:
                rows[place] = replace(row, cells=split_line(row.line, len(book.names)), line=None)
            except Defect as defect:
                refused[place] = (defect.at(WHOLE_ROW),)
    asked = [place for place in range(len(rows)) if place not in refused]
    cells = replace(book, rows=tuple(rows[place] for place in asked)).to_table()
    again = take_in(feed, cells, delay_days=delay_days)
    refused |= {asked[one.row]: one.defects for one in again.quarantined}
    # A row that was stored before is the same record delivered twice, whatever was wrong with this copy.
    is_new = ~_is_in(again.accepted, stored)
    places = [asked[number] for number in again.accepted_rows]
    for place, is_kept in zip(places, is_new.tolist(), strict=True):
        if not is_kept:
            refused[place] = (Defect("repeated_row").at("household_id"),)
    refusals = Refusals(len(rows))
    for place, found in refused.items():
        for one in found:
            refusals.add(place, one)
    kept = np.flatnonzero(is_new)
    flagged = [
        replace(flag, places=tuple(np.flatnonzero(np.isin(kept, flag.places)).tolist()))
        for flag in again.flagged
    ]
    intake = Intake(
        contract,
        again.accepted.take(pa.array(kept, pa.int64())),
        refusals.quarantined(),
        len(rows),
        pa.table({}),
        {},
        TRACES.empty_table(),
        tuple(flag for flag in flagged if flag.places),
    )
    waiting = [
        book.rows[place]
        if not book.rows[place].is_mended
        else KeptRow.refused(rows[place].number, rows[place].cells, rows[place].line, refused[place])
        for place in sorted(refused)
    ]
    numbers = tuple(rows[place].number for place in places if place not in refused)
    left = replace(book, rows=tuple(waiting), taken=tuple(sorted((*book.taken, *numbers))))
    return _Checked(intake, left, numbers)


def _is_in(rows: pa.Table, stored: pa.Table) -> Any:
    """For each row, whether the stored table has one that is the same in every field."""
    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM s.{name}" for name in rows.column_names)
    numbered = rows.append_column("place", pa.array(np.arange(len(rows))))
    with connect() as connection:
        connection.register("rows", numbered)
        connection.register("stored", stored)
        found = connection.sql(
            f"SELECT place FROM rows r WHERE EXISTS (SELECT 1 FROM stored s WHERE {same})"  # noqa: S608
        ).fetchnumpy()["place"]
    return np.isin(np.arange(len(rows)), found)


def _write(
    directory: Path, signals: Signals, checked: Mapping[str, _Checked], seen: Mapping[str, str]
) -> None:
    files = {f"flags/{path.name}": path.read_bytes() for path in (directory / "flags").glob("*.csv")}
    for feed, one in checked.items():
        if one.waiting.rows:
            book = one.waiting.to_files(feed)
            files |= {f"quarantine/{name}": content for name, content in book.items()}
        if one.intake.flagged:
            name = f"flags/{feed}.csv"
            news = csv_bytes(FLAG_COLUMNS, flag_rows(one.intake, one.numbers))
            files[name] = files[name] + news.partition(b"\n")[2] if name in files else news
    has_news = any(len(one.intake.accepted) for one in checked.values())
    change(directory, files, (lambda: signals.save(directory)) if has_news else None, seen)
