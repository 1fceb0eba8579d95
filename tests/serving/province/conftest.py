"""Stored signals of two small counties in several buckets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import Coverage, Signals
from features.signals.buckets import Buckets
from features.signals.delivery import take_in_folder
from scoring import Bundle, load_bundle
from training.simulation import CountySettings, simulate_county

AS_OF = dt.date(2026, 6, 30)
ENDS_ON = dt.date(2026, 10, 31)


@pytest.fixture(scope="session")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as intake leaves it, of one simulated county, late and dirty, with its quarantine."""
    folder = tmp_path_factory.mktemp("county")
    simulate_county(CountySettings(households=700, ends_on=ENDS_ON, seed=3)).save(folder)
    take_in_folder(folder, folder / "taken", region="CN-50", on=ENDS_ON)
    Signals.load(folder / "taken").save(folder / "taken", households_per_bucket=150)
    return folder / "taken"


@pytest.fixture(scope="session")
def two_counties(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same signals, the last of the villages in another county; a bucket holds households of both."""
    signals = Signals.load(county)
    register = signals.tables["household"]
    held = register["village_code"].to_pylist()
    old = held[0][:6]
    new = f"{int(old) + 1:06d}"
    moved = sorted(set(held))[5:]
    villages = [new + one[6:] if one in moved else one for one in held]
    at = register.schema.get_field_index("village_code")
    tables = {**signals.tables, "household": register.set_column(at, "village_code", pa.array(villages))}
    frame = signals.coverage.to_frame()
    parts = [frame, frame.assign(area_code=new)]
    assert set(frame["area_code"]) == {old}
    deliveries = [one for part in parts for one in Coverage.from_frame(part, signals.tables).deliveries]
    folder = tmp_path_factory.mktemp("two")
    Signals(tables, Coverage(deliveries)).save(folder, households_per_bucket=150)
    stored = Buckets.open(folder)
    counties = [{village[:6] for village in villages_of(stored, one.name)} for one in stored.buckets]
    assert len(counties) > 3
    assert {old, new} in counties
    return folder


def villages_of(stored: Buckets, bucket: str) -> list[str]:
    """The villages of a bucket's register."""
    path = stored.files(bucket)["household"]
    found: list[str] = pq.read_table(path, partitioning=None)["village_code"].to_pylist()
    return found
