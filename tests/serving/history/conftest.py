"""A simulated county whose signals arrive over the years, scored on several dates as they stood then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features import CONTRACTS, Coverage, Signals
from features.health import Health, Verdict
from features.signals.delivery import take_in_folder
from scoring import load_bundle
from serving.app import create_app
from serving.batch import score_all
from serving.kept_models import KeptModels
from serving.settings import Settings
from tests.serving.conftest import Client
from training.simulation import CountySettings, simulate_county

ENDS_ON = dt.date(2026, 10, 31)
DATES = (dt.date(2025, 12, 31), dt.date(2026, 4, 30), dt.date(2026, 8, 31))
BLOCKED_ON = DATES[1]


@dataclass(frozen=True)
class Past:
    """A service whose database was filled date by date, and whose signals are those of today."""

    client: Client
    settings: Settings
    signals: Signals
    households: tuple[str, ...]
    county: str

    def store(self, signals: Signals) -> None:
        """Put other signals in place of those that are stored."""
        assert self.settings.signals_dir is not None
        signals.save(self.settings.signals_dir, households_per_bucket=60)


def as_delivered_on(signals: Signals, day: dt.date) -> Signals:
    """What had arrived by a day: neither later records, nor later news of an end, nor later coverage."""
    tables = {}
    for feed, contract in CONTRACTS.items():
        table = signals.tables[feed]
        table = table.filter(pc.less_equal(table["known_on"], pa.scalar(day)))
        if "ended_known_on" in table.column_names:
            told = pc.fill_null(pc.less_equal(table["ended_known_on"], pa.scalar(day)), False)
            for name in ("ended_on", "ended_known_on"):
                at = table.schema.get_field_index(name)
                kept = pc.if_else(told, table[name], pa.scalar(None, pa.date32()))
                table = table.set_column(at, table.schema.field(name), kept)
        tables[feed] = table.cast(contract.schema)
    return Signals(tables, Coverage(one for one in signals.coverage.deliveries if one.known_on <= day))


def blocking(county: str) -> Health:
    """A check-up that does not believe one month of bills; the next one was fine."""

    # Bills take two months: by the date those of February were there.
    blocked = Verdict("illness", county, dt.date(2025, 12, 1), "blocked", "unit_slip")
    return Health(BLOCKED_ON, (blocked, Verdict("illness", county, dt.date(2026, 1, 1), "fine")))


@pytest.fixture(scope="session")
def county_signals(tmp_path_factory: pytest.TempPathFactory) -> Signals:
    folder = tmp_path_factory.mktemp("county")
    simulate_county(CountySettings(households=200, ends_on=ENDS_ON, seed=11)).save(folder)
    take_in_folder(folder, folder / "taken", region="CN-50", on=ENDS_ON)
    return Signals.load(folder / "taken")


@pytest.fixture(scope="module")
def past(
    bundle_dir: Path, county_signals: Signals, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    settings = Settings(
        bundle_dir, f"sqlite:///{folder}/s.db", signals_dir=folder / "signals", kept_models_dir=folder / "models",
        lookup_seconds=0,
    )  # fmt: skip
    register = county_signals.tables["household"]
    county = str(register["village_code"][0])[:6]
    with Client(create_app(settings)) as client:
        bundle = load_bundle(bundle_dir)
        KeptModels(settings.kept_models_dir).keep(bundle_dir)
        for day in DATES:
            judged = blocking(county) if day == BLOCKED_ON else None
            score_all(
                as_delivered_on(county_signals, day), day, bundle, client.app.state.store, health=judged
            )
        households = tuple(sorted(set(register["household_id"].to_pylist())))
        made = Past(client, settings, county_signals, households, county)
        made.store(county_signals)
        assert client.app.state.champion.wait(300)
        yield made


def changed(signals: Signals, feed: str, table: pa.Table) -> Signals:
    """The signals with another table of one feed."""
    return replace(signals, tables={**signals.tables, feed: table})
