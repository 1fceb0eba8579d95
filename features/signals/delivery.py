"""A delivery: a folder of raw feed files, taken in as a whole into stored signals and a quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from features.errors import ContractError
from features.policy import policy_value
from features.signals import CONTRACTS, Coverage
from features.signals.intake import Intake, take_in
from features.signals.store import Signals

Progress = Callable[[str, int, int], None]

MOST_REFUSED = 0.5
"""Share of refused rows from which a feed counts as not delivered."""


@dataclass(frozen=True)
class TakenIn:
    """The stored signals of a delivery and what became of each feed's rows."""

    signals: Signals
    intakes: dict[str, Intake]
    silent: tuple[str, ...] = ()
    """Feeds that were said to be covered and were not readable: their coverage was dropped."""


def take_in_folder(
    raw: Path, out: Path, *, region: str, on: dt.date, progress: Progress | None = None
) -> TakenIn:
    """Take in ``raw/<feed>.parquet`` or ``.csv`` for every feed there is, and ``coverage``, into `out`.

    Writes the stored signals to `out` and the quarantine of each feed to ``out/quarantine/<feed>.csv``.
    Rows without an arrival date get the region's normal delay in force on `on`. Coverage of a feed that has
    no file, or of which more than `MOST_REFUSED` of the rows were refused, is dropped: what could not be
    read is missing, never "nothing happened". Raises `ContractError` when a file is misshapen, when the
    household register or the coverage is absent, or when a file bears no feed's name.
    """
    if out.resolve() == raw.resolve():
        raise ContractError("--out is the delivery's own folder and would overwrite it: give another")
    _check_names(raw)
    delays = policy_value("feed_delay_days", region, on).value
    coverage = Coverage.from_frame(_read_frame(raw, "coverage"), CONTRACTS).check_arrivals()
    intakes: dict[str, Intake] = {}
    for done, feed in enumerate(CONTRACTS, 1):
        path = _find(raw, feed)
        if path is None and feed == "household":
            raise ContractError(
                f"{raw} lacks household.parquet or household.csv: without it nobody is registered"
            )
        if path is not None:
            intakes[feed] = take_in(feed, path, delay_days=delays[feed])
        if progress:
            progress(feed, done, len(CONTRACTS))
    said = {one.feed for one in coverage.deliveries}
    silent = tuple(feed for feed in CONTRACTS if feed in said and not _is_readable(intakes.get(feed)))
    coverage = Coverage(one for one in coverage.deliveries if one.feed not in silent)
    signals = Signals({feed: one.accepted for feed, one in intakes.items()}, coverage)
    signals.save(out)
    (out / "quarantine").mkdir(exist_ok=True)
    for feed, one in intakes.items():
        one.quarantine_frame().to_csv(out / "quarantine" / f"{feed}.csv", index=False)
    return TakenIn(signals, intakes, silent)


def _is_readable(taken: Intake | None) -> bool:
    return taken is not None and len(taken.quarantined) <= MOST_REFUSED * taken.rows_in


def _check_names(raw: Path) -> None:
    if not raw.is_dir():
        raise ContractError(f"there is no folder {raw}")
    known = {*CONTRACTS, "coverage", "outcomes"}
    strange = sorted(
        one.name for one in raw.iterdir() if one.suffix in {".parquet", ".csv"} and one.stem not in known
    )
    if strange:
        raise ContractError(
            f"{raw} holds {', '.join(strange)}, which is no feed; files are named after "
            f"{', '.join(CONTRACTS)} or coverage"
        )


def _find(folder: Path, name: str) -> Path | None:
    paths = [folder / f"{name}{ending}" for ending in (".parquet", ".csv")]
    found = [path for path in paths if path.is_file()]
    if len(found) > 1:
        raise ContractError(f"{folder} holds {name} twice, as .parquet and .csv: keep one")
    return found[0] if found else None


def _read_frame(folder: Path, name: str) -> pd.DataFrame:
    path = _find(folder, name)
    if path is None:
        raise ContractError(f"{folder} lacks {name}.parquet or {name}.csv")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pa.ArrowException):
        raise ContractError(f"{path.name} cannot be read: give a table, CSV encoded as UTF-8") from None
