"""A delivery: a folder of raw feed files, taken in as a whole into stored signals and a quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.errors import ContractError
from features.policy import policy_value
from features.signals import CONTRACTS, Coverage
from features.signals.intake import Intake, take_in
from features.signals.store import Signals

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TakenIn:
    """The stored signals of a delivery and what became of each feed's rows."""

    signals: Signals
    intakes: dict[str, Intake]


def take_in_folder(
    raw: Path, out: Path, *, region: str, on: dt.date, progress: Progress | None = None
) -> TakenIn:
    """Take in ``raw/<feed>.parquet`` or ``.csv`` for every feed there is, and ``coverage``, into `out`.

    Writes the stored signals to `out` and the quarantine of each feed to ``out/quarantine/<feed>.csv``.
    Rows without an arrival date get the region's normal delay in force on `on`. Raises `ContractError`
    when a file is misshapen or the household register or the coverage is absent.
    """
    delays = policy_value("feed_delay_days", region, on).value
    coverage = Coverage.from_frame(_read_frame(raw, "coverage"), CONTRACTS)
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
    signals = Signals({feed: one.accepted for feed, one in intakes.items()}, coverage)
    signals.save(out)
    (out / "quarantine").mkdir(exist_ok=True)
    for feed, one in intakes.items():
        one.quarantine_frame().to_csv(out / "quarantine" / f"{feed}.csv", index=False)
    return TakenIn(signals, intakes)


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
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=str, keep_default_na=False)
