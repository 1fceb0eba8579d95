"""What a province's run says of a household is what the batch and the service say, to the last bit."""

from __future__ import annotations

import copy
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import CONTRACTS, Coverage, Signals, take_in
from features.errors import ContractError
from features.health import Deliveries, Health, check_health
from features.health.counties import Counties
from features.signals import Delivery
from features.signals.buckets import Buckets
from scoring import Bundle
from scoring.statement import make_statement, put_into_words
from serving.batch import score_all
from serving.province import read_statement, read_summary, score_province
from serving.province.folder import ProvinceFolder
from serving.province.stored import assessment_of
from serving.storage import AssessmentStore, open_database
from tests.features.worlds import AS_OF_DATES, make_world
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.province.conftest import AS_OF, ENDS_ON
from tests.serving.readers import Everything


def by_batch(
    signals: Signals, as_of: dt.date, bundle: Bundle, folder: Path, health: Health | None = None
) -> Any:
    """What the batch stores, to be asked by household."""
    store = AssessmentStore(open_database(f"sqlite:///{folder}/scores.db"))
    summary = score_all(signals, as_of, bundle, store, health=health)
    return store, summary


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [
        row
        for path in ProvinceFolder(out).files()
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def kept(body: dict[str, Any]) -> dict[str, Any]:
    """A worded statement without what a province does not keep, worded anew."""
    plain = copy.deepcopy(body)
    plain["families"] = []
    for reason in (*plain["risk_reasons"], *plain["protective_reasons"]):
        reason["firmness"] = None
        for fact in reason["facts"]:
            fact["usual_village"] = fact["usual_town"] = None
    plain.pop("changes", None)
    return put_into_words(plain)


def check_equal(out: Path, store: AssessmentStore, region: str) -> list[dict[str, Any]]:
    """Every row says what the batch stored of the household, and nobody is there twice."""
    rows = rows_of(out)
    assert len({row["household_id"] for row in rows}) == len(rows)
    for row in rows:
        stored = Everything(store).find(row["household_id"])
        assert stored is not None
        assert kept(put_into_words(make_statement(assessment_of(row), region))) == kept(stored.body)
    return rows


def test_a_county_is_answered_as_by_the_batch(county: Path, bundle: Bundle, tmp_path: Path) -> None:
    delivered = Deliveries.load(county)
    health = check_health(delivered, ENDS_ON)
    run = score_province(county, ENDS_ON, bundle, tmp_path / "out")
    store, summary = by_batch(delivered.signals, ENDS_ON, bundle, tmp_path, health)
    rows = check_equal(tmp_path / "out", store, "CN-50")
    assert run.households == len(rows) == summary.households
    province = run.summary["province"]
    assert (province["grades"], province["actions"]) == (summary.grades, summary.actions)
    assert {len(row["risk_reasons"]) for row in rows} > {1, 2}
    assert any(row["rule_hits"] for row in rows)
    for row in rows:
        assert [one["months"] for one in row["horizons"]] == [3, 6, 12]
        assert row["horizons"][-1]["score"] == row["score"] == sum(one["score"] for one in row["themes"])
    assert any(row["feed_faults"] for row in rows) == bool(
        summary.flagged_households or summary.blocked_feeds
    )


def test_a_blocked_feed_reaches_the_rows(county: Path, bundle: Bundle, tmp_path: Path) -> None:
    """A feed that stopped a year ago."""
    signals = Signals.load(county)
    village = signals.tables["household"]["village_code"][0].as_py()
    stopped = dt.date(2025, 6, 30)
    kept = [
        one for one in signals.coverage.deliveries if one.feed != "illness" or one.complete_until <= stopped
    ]
    changed = Signals(signals.tables, Coverage(kept))
    changed.save(tmp_path / "signals", households_per_bucket=150)
    health = check_health(changed, AS_OF)
    assert {one.feed for one in health.blocked} >= {"illness"}
    score_province(tmp_path / "signals", AS_OF, bundle, tmp_path / "out")
    store, summary = by_batch(changed, AS_OF, bundle, tmp_path, health)
    rows = check_equal(tmp_path / "out", store, "CN-50")
    assert all(any(fault["feed"] == "illness" for fault in row["feed_faults"]) for row in rows)
    assert read_summary(tmp_path / "out")["blocked_feeds"] == {village[:6]: sorted(summary.blocked_feeds)}


def test_two_counties_are_answered_as_by_the_batch(
    two_counties: Path, bundle: Bundle, tmp_path: Path
) -> None:
    score_province(two_counties, AS_OF, bundle, tmp_path / "out", health=False)
    store, _ = by_batch(Signals.load(two_counties), AS_OF, bundle, tmp_path)
    rows = check_equal(tmp_path / "out", store, "CN-50")
    one = rows[len(rows) // 2]["household_id"]
    stored = Everything(store).find(one)
    assert stored is not None
    told = read_statement(tmp_path / "out", one)
    assert told is not None
    assert kept(told) == kept(stored.body)
    assert told["families"] == []
    assert read_statement(tmp_path / "out", "NOBODY") is None
    for path in ProvinceFolder(tmp_path / "out").files():
        villages = pq.read_table(path, partitioning=None)["village_code"].to_pylist()
        assert {f"county={village[:6]}" for village in villages} == {path.parent.name}


@pytest.mark.parametrize("seed", range(4))
def test_worlds_with_moves_and_gaps_are_answered_as_by_the_batch(
    seed: int, bundle: Bundle, tmp_path: Path
) -> None:
    as_of = AS_OF_DATES[0]
    signals = make_world(seed, as_of, 60).signals()
    if seed % 2:
        since = dt.date(2015, 1, 1)
        signals = Signals(
            signals.tables, Coverage(Delivery(feed, "50", since, as_of, as_of) for feed in CONTRACTS)
        )
    signals.save(tmp_path / "signals", households_per_bucket=5)
    stored = Buckets.open(tmp_path / "signals")
    assert stored.split_villages
    run = score_province(tmp_path / "signals", as_of, bundle, tmp_path / "out", health=False)
    store, summary = by_batch(signals, as_of, bundle, tmp_path)
    rows = check_equal(tmp_path / "out", store, "CN-50")
    assert run.households == len(rows) == summary.households > 0


def test_the_service_answers_a_household_in_the_same_words(
    client: Client, bundle: Bundle, tmp_path: Path, as_of: dt.date
) -> None:
    body = a_request(*(a_household(f"P{n:02}", self_paid=2_500.0 * n) for n in range(4)), silent=("loan",))
    body["coverage"] = [row for row in body["coverage"] if row["feed"] != "neighbourhood"]
    tables = {
        feed: take_in(
            feed,
            [
                {**row, "household_id": one["household_id"]}
                for one in body["households"]
                for row in one["signals"].get(feed, ())
            ],
        ).accepted
        for feed in CONTRACTS
    }
    Signals(tables, Coverage.from_rows(body["coverage"], CONTRACTS)).save(tmp_path / "signals")
    score_province(tmp_path / "signals", as_of, bundle, tmp_path / "out", health=False)
    online = client.post("/v1/scores", json=body).json()["results"]
    assert len({one["score"] for one in online}) > 1
    for one in online:
        told = read_statement(tmp_path / "out", one["household_id"])
        assert told is not None
        assert kept(told) == kept(one)
        assert told["score"] == one["score"]
        assert one["missing_feeds"] == ["loan", "neighbourhood"]


@pytest.mark.parametrize("harm", ["absent", "torn", "flipped"])
def test_harmed_signals_are_named(county: Path, tmp_path: Path, harm: str) -> None:
    """By the check-up as by the scoring, never by an error of an engine."""
    shutil.copytree(county, tmp_path / "signals")
    path = Buckets.open(tmp_path / "signals").paths("income")[1]
    whole = path.read_bytes()
    if harm == "absent":
        path.unlink()
    else:
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + (b"" if harm == "torn" else bytes(64) + whole[middle + 64 :]))
    with pytest.raises(ContractError, match=r"income.*absent or no Parquet table: take the rows in anew"):
        Counties(Buckets.open(tmp_path / "signals")).check_health(ENDS_ON)


def test_counties_are_judged_as_if_alone(county: Path, two_counties: Path) -> None:
    """One county: the verdicts of the whole. Two: each as its own signals are judged."""
    assert Counties(Buckets.open(county)).check_health(ENDS_ON) == check_health(
        Deliveries.load(county), ENDS_ON
    )
    found = Counties(Buckets.open(two_counties)).check_health(ENDS_ON)
    signals = Signals.load(two_counties)
    register = signals.tables["household"]
    for code in Counties(Buckets.open(two_counties)).codes:
        last: dict[str, tuple[dt.date, str]] = {}
        for row in register.to_pylist():
            held = last.get(row["household_id"])
            if held is None or row["occurred_on"] > held[0]:
                last[row["household_id"]] = (row["occurred_on"], row["village_code"])
        mine = {key for key, (_, village) in last.items() if village.startswith(code)}
        is_largest = 2 * len(mine) > len(last)
        tables = {
            feed: table.filter(
                pa.array(
                    [
                        one in mine or (is_largest and one not in last)
                        for one in table["household_id"].to_pylist()
                    ],
                    pa.bool_(),
                )
            )
            for feed, table in signals.tables.items()
        }
        alone = check_health(Signals(tables, signals.coverage), ENDS_ON)
        assert [one for one in found.verdicts if one.area.startswith(code)] == [
            one for one in alone.verdicts if one.area.startswith(code)
        ]
