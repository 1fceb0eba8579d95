"""A delivery: a folder of raw feed files, taken in as a whole into stored signals and a quarantine."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from features.errors import ContractError, CoverageError
from features.policy import policy_value
from features.signals import CONTRACTS, Coverage
from features.signals.beside import alone, change
from features.signals.buckets import MANIFEST
from features.signals.checks import judge
from features.signals.coverage import Delivery
from features.signals.defects import defect_kinds
from features.signals.intake import Intake, take_in
from features.signals.lines import read_header, read_lines
from features.signals.quarantine import Quarantine, csv_bytes
from features.signals.sources import Source
from features.signals.store import Signals
from features.signals.unread import Homes, is_readable, read_statements

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TakenIn:
    """What a delivery comes to: the signals to be stored, and what became of each feed's rows."""

    signals: Signals
    intakes: dict[str, Intake]
    silent: tuple[str, ...] = ()
    """Feeds that were said to be covered and were not readable anywhere: their coverage was dropped."""
    unjudged: tuple[str, ...] = ()
    """Rules that no policy value of the region was in force for."""

    def save(self, out: Path) -> None:
        """Write the signals, ``quarantine/<feed>.csv`` and ``flags/<feed>.csv`` to `out`, all at once.

        What stood there is replaced. Only the owner may read the two folders: they hold what was delivered.
        """
        files: dict[str, bytes] = {}
        for feed, one in self.intakes.items():
            if one.quarantined:
                book = Quarantine.of(one).to_files(feed)
                files |= {f"quarantine/{name}": content for name, content in book.items()}
            if one.flagged:
                files[f"flags/{feed}.csv"] = csv_bytes(FLAG_COLUMNS, flag_rows(one))
        with alone(out):
            change(out, files, lambda: self.signals.save(out))


def judge_folder(raw: Path, *, region: str, on: dt.date, progress: Progress | None = None) -> TakenIn:
    """Check ``raw/<feed>.parquet`` or ``.csv`` for every feed there is, and ``coverage``; nothing is written.

    Rows without an arrival date get the region's normal delay in force on `on`, the date of the delivery;
    rules against other records see what was known then. Coverage of a feed that has no file is dropped, and
    so is that of every area and period of which most rows were refused (`read_statements`): what could not
    be read is missing, never "nothing happened". Raises `ContractError` when a file is misshapen, when the
    household register or the coverage is absent, or when a file bears no feed's name.
    """
    _check_names(raw)
    stated = _find(raw, "coverage")
    if stated is None:
        raise ContractError(f"{raw} lacks coverage.parquet or coverage.csv")
    coverage = read_coverage(stated)
    found = {feed: _find(raw, feed) for feed in CONTRACTS}
    if found["household"] is None:
        raise ContractError(
            f"{raw} lacks household.parquet or household.csv: without it nobody is registered"
        )
    sources = {feed: path for feed, path in found.items() if path is not None}
    return judge_delivery(sources, coverage, region=region, on=on, progress=progress)


def judge_delivery(
    sources: Mapping[str, Source],
    coverage: pd.DataFrame,
    *,
    region: str,
    on: dt.date,
    progress: Progress | None = None,
    keeps_cells: bool = True,
) -> TakenIn:
    """The same of tables that lie anywhere, by their feeds; `coverage` has the columns of a coverage table.

    What was sent of refused rows is as large as the files: whoever does not save it has it not held, without
    `keeps_cells`.
    Raises `ContractError` when a table or the coverage is misshapen, or the household register is absent.
    """
    if "household" not in sources:
        raise ContractError("the delivery lacks the household register: without it nobody is registered")
    delays = policy_value("feed_delay_days", region, on).value
    stated = Coverage.from_frame(coverage, CONTRACTS).check_arrivals()
    said = dict.fromkeys(one.feed for one in stated.deliveries)
    homes: Homes | None = None
    intakes: dict[str, Intake] = {}
    statements: dict[str, list[Delivery]] = {}
    # The register comes first: it says where everybody lives.
    for done, feed in enumerate(CONTRACTS, 1):
        if feed in sources:
            taken = take_in(feed, sources[feed], delay_days=delays[feed], keeps_cells=keeps_cells)
            if feed == "household":
                homes = Homes(taken)
            if is_readable(taken):
                assert homes is not None
                of_feed = (one for one in stated.deliveries if one.feed == feed)
                statements[feed] = read_statements(taken, homes, of_feed)
            # Before the next one is read.
            intakes[feed] = taken = taken.without_traces()
        if progress:
            progress(feed, done, len(CONTRACTS))
    # What could not be read is missing, never "nothing happened".
    read = Coverage(one for feed in said for one in statements.get(feed, ()))
    left = {one.feed for one in read.deliveries}
    silent = tuple(feed for feed in CONTRACTS if feed in said.keys() - left)
    signals = Signals({feed: one.accepted for feed, one in intakes.items()}, read)
    judged = judge(signals, region, on)
    intakes = {
        feed: replace(one, flagged=(*one.flagged, *judged.flagged.get(feed, ())))
        for feed, one in intakes.items()
    }
    return TakenIn(signals, intakes, silent, judged.unjudged)


def take_in_folder(
    raw: Path, out: Path, *, region: str, on: dt.date, progress: Progress | None = None
) -> TakenIn:
    """Judge a delivery as `judge_folder` does and save what it comes to in `out`.

    Raises `ContractError` also where the delivery lies in `out`.
    """
    check_apart(raw, out)
    taken = judge_folder(raw, region=region, on=on, progress=progress)
    taken.save(out)
    return taken


def check_apart(raw: Path, out: Path) -> None:
    """Raises `ContractError` where the delivery lies in the folder whose content is going to be replaced.

    The other way round nothing can be harmed: feeds are files, and `out` is a folder beside them.
    """
    if raw.resolve().is_relative_to(out.resolve()):
        raise ContractError(
            "--out holds the delivery and would overwrite it: give a folder without --raw in it"
        )


def check_unoccupied(out: Path) -> None:
    """Raises `ContractError` where the folder holds signals already, which a delivery would replace."""
    if not (out / MANIFEST).is_file():
        return
    waiting = sum(1 for _ in (out / "quarantine").glob("*.csv"))
    kept = f", and refused rows of {waiting} feeds that wait to be mended" if waiting else ""
    raise ContractError(
        f"{out} holds signals already{kept}: a delivery takes the place of all of them. "
        "Say --replace to have it so, or give another folder"
    )


FLAG_COLUMNS = (
    "row_number",
    "household_id",
    "occurred_on",
    "field",
    "code",
    "zh",
    "en",
    "way_out_zh",
    "way_out_en",
)
"""The columns of a flags file: which accepted row, by its number in the delivery, and what does not fit."""


def flag_rows(taken: Intake, numbers: Sequence[int] | None = None) -> list[tuple[str, ...]]:
    """The lines of a flags file; `numbers` are those of the accepted rows where they came from a mend."""
    numbers = taken.accepted_rows if numbers is None else numbers
    found = sorted((place, one.code, one.field) for one in taken.flagged for place in one.places)
    places = pa.array([place for place, _, _ in found], pa.int64())
    rows = taken.accepted.select(["household_id", "occurred_on"]).take(places).to_pylist()
    lines: list[tuple[str, ...]] = []
    for (place, code, field), row in zip(found, rows, strict=True):
        kind = defect_kinds()[code]
        lines.append((
            str(numbers[place]), row["household_id"], row["occurred_on"].isoformat(), field, code,
            kind.zh, kind.en, kind.way_out_zh, kind.way_out_en,
        ))  # fmt: skip
    return lines


def _check_names(raw: Path) -> None:
    if not raw.is_dir():
        raise ContractError(
            f"there is no folder {raw}: give the one that holds the delivery, a table a feed, household first"
        )
    known = {*CONTRACTS, "coverage", "outcomes", "visits"}
    endings = {".parquet", ".csv"}
    # The name is not told: people name files after people.
    strange = sum(one.suffix in endings and one.stem not in known for one in raw.iterdir())
    if strange:
        raise ContractError(
            f"{raw} holds tables that no feed has the name of, {strange} in number; files are named after "
            f"{', '.join(CONTRACTS)} or coverage"
        )


def _find(folder: Path, name: str) -> Path | None:
    paths = [folder / f"{name}{ending}" for ending in (".parquet", ".csv")]
    found = [path for path in paths if path.is_file()]
    if len(found) > 1:
        raise ContractError(f"{folder} holds {name} twice, as .parquet and .csv: keep one")
    return found[0] if found else None


def read_coverage(path: Path) -> pd.DataFrame:
    """The table of a coverage file, the cells of CSV as text.

    Raises `ContractError` where the file is no table, and `CoverageError` where a line of it has more or
    fewer cells than there are columns, as it has with commas at its end: its cells may be shifted.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        names = read_header(path)
        parts = list(read_lines(path, names))
    except (OSError, ValueError, pa.ArrowException, csv.Error):
        names, parts = [], []
    if not names:
        raise ContractError(f"{path.name} cannot be read: give a table, CSV encoded as UTF-8")
    first = 0
    for table, ragged in parts:
        if ragged:
            row, line = min(ragged.items())
            raise CoverageError(
                f"coverage row {first + row}: the line has {line.found} cells and the table {line.wanted} "
                "columns; take commas off its end, and give every column its cell"
            )
        first += len(table)
    if not parts:
        return pd.DataFrame(columns=pd.Index(names), dtype=str)
    cells: pd.DataFrame = pa.concat_tables(table for table, _ in parts).to_pandas().fillna("")
    return cells
