"""Deliveries at fault: nothing is scored from a blocked feed, and every household concerned is told."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from features.signals.delivery import take_in_folder
from serving.app import create_app
from serving.console.texts import texts
from serving.settings import Settings
from serving.storage import AssessmentStore, Run, Stored, open_database
from tests.serving.conftest import VERSION, Client
from tests.serving.readers import Everything
from training.simulation import CountySettings, simulate_county
from training.simulation.faults import Fault, inject

SETTINGS = CountySettings(households=1_500, months=36, run_in_months=14, seed=3)
FAULTY_MONTH = dt.date(SETTINGS.ends_on.year, SETTINGS.ends_on.month, 1) - dt.timedelta(days=62)
LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Delivered:
    """A county in which bills came in another unit, and one village's wages too."""

    signals: Path
    village: str
    touched: frozenset[str]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    county = simulate_county(SETTINGS)
    whole = inject(county.feeds, county.coverage, Fault("unit_slip", "illness", "500299", FAULTY_MONTH))
    register = county.feeds["household"]
    village = str(register["village_code"].value_counts().idxmax())
    local = inject(whole.feeds, whole.coverage, Fault("unit_slip", "income", village, FAULTY_MONTH))
    raw, signals = (tmp_path_factory.mktemp(name) for name in ("raw", "signals"))
    for feed, frame in local.feeds.items():
        frame.to_parquet(raw / f"{feed}.parquet")
    local.coverage.to_parquet(raw / "coverage.parquet")
    take_in_folder(raw, signals, region="CN-50", on=SETTINGS.ends_on)
    return Delivered(signals, village, local.touched)


def score(
    delivered: Delivered, bundle_dir: Path, database: Path, *more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.__main__ import main

    options = [
        "--signals", str(delivered.signals), "--as-of", SETTINGS.ends_on.isoformat(), "--bundle", str(bundle_dir), "--database", f"sqlite:///{database}",
        *more,
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["serving", "score", *options])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0


def stored(database: Path) -> Iterator[Stored]:
    # Of a copy: reading begins the log of reads, and the service would ask for the key it was begun with.
    copy = database.with_name("copy.db")
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    store = AssessmentStore(open_database(f"sqlite:///{copy}"))
    page = Everything(store).list_run(Run(SETTINGS.ends_on, VERSION), limit=10_000)
    store.engine.dispose()
    assert page.total == len(page.items)
    return iter(page.items)


def faults_of(one: Stored) -> list[tuple[Any, ...]]:
    return [
        (fault["feed"], fault["area_code"], fault["period"], fault["state"], fault["reason"])
        for fault in one.body["feed_faults"]
    ]


def key_of(one: Stored) -> str:
    return str(one.body["household_id"])


def test_faults_block_flag_and_are_told(
    delivered: Delivered,
    bundle_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = tmp_path / "scores.db"
    score(delivered, bundle_dir, database, "--json", monkeypatch=monkeypatch)
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert summary["blocked_feeds"] == ["illness"]
    assert "illness" in told.err
    month = f"{FAULTY_MONTH:%Y-%m}"
    blocked = ("illness", "500299", month, "blocked", "unit_slip")
    flagged = ("income", delivered.village, month, "flagged", "unit_slip")
    everyone = list(stored(database))
    assert len(everyone) == summary["households"] > 1_000
    assert all(blocked in faults_of(one) for one in everyone)
    # Nobody's bills of that month were used: a window that reaches it cannot be told. Three months do not.
    for one in everyone:
        facts = [fact for reason in one.body["risk_reasons"] for fact in reason["facts"]]
        reaching = [one for one in facts if one["feeds"] == ["illness"] and one["window_months"] > 3]
        assert not [fact for fact in reaching if fact["value"] is not None]
        assert "illness" in (
            *one.body["stale_feeds"], *one.body["missing_feeds"], *one.body["partial_feeds"]
        )  # fmt: skip
        assert one.body["suggested_action"] != "routine"
    concerned = {key_of(one) for one in everyone if flagged in faults_of(one)}
    registered = {key_of(one) for one in everyone}
    assert concerned
    assert concerned <= delivered.touched
    assert len(concerned) >= 0.95 * len(delivered.touched & registered)
    assert summary["flagged_households"] >= len(concerned)
    show(database, bundle_dir, min(concerned))


def show(database: Path, bundle_dir: Path, household: str) -> None:
    settings = Settings(bundle_dir=bundle_dir, database_url=f"sqlite:///{database}")
    with Client(create_app(settings)) as client:
        answer = client.get(f"/v1/households/{household}")
        assert answer.status_code == 200, answer.text
        for fault in answer.json()["feed_faults"]:
            assert all(fault["text"][one] and fault["way_out"][one] for one in LANGUAGES)
        for language in LANGUAGES:
            page = client.page(f"/households/{household}?lang={language}").text
            for key in ("faults_title", "fault_blocked", "fault_flagged"):
                assert texts(language)[key] in page


def test_without_the_check_up_nothing_is_said(
    delivered: Delivered, bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "scores.db"
    score(delivered, bundle_dir, database, "--no-health", monkeypatch=monkeypatch)
    everyone = list(stored(database))
    assert everyone
    assert all(one.body["feed_faults"] == [] for one in everyone)


def test_the_clean_county_is_not_stopped(
    bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    county = simulate_county(SETTINGS)
    raw, signals = tmp_path / "raw", tmp_path / "signals"
    county.save(raw)
    take_in_folder(raw, signals, region="CN-50", on=SETTINGS.ends_on)
    clean = Delivered(signals, "", frozenset())
    score(clean, bundle_dir, tmp_path / "scores.db", "--json", monkeypatch=monkeypatch)
    assert json.loads(capsys.readouterr().out)["blocked_feeds"] == []


def test_an_answer_from_before_the_check_up_is_still_read(bundle_dir: Path) -> None:
    from scoring.statement import put_into_words

    old: dict[str, Any] = {
        "grade": "low", "suggested_action": "routine", "risk_reasons": [], "protective_reasons": [],
        "rule_hits": [],
    }  # fmt: skip
    assert put_into_words(old)["feed_faults"] == []
    gone = {"feed": "gone", "area_code": "50", "period": "2026-01", "state": "blocked", "reason": "silent"}
    assert put_into_words({**old, "feed_faults": [gone]})["feed_faults"] == []
