"""The batch, the storage and the command line: the same scores everywhere, nothing lost unseen."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from features import CONTRACTS, Coverage, Signals, build_vectors, take_in
from features.facts import latest_facts
from features.neighbourhood import with_neighbourhood
from scoring import Bundle, load_bundle
from serving.api.documentation import example_request
from serving.app import create_app
from serving.batch import score_all
from serving.errors import ServingError, StorageError
from serving.settings import Settings
from serving.storage import AssessmentStore, Run, Saved, open_database
from tests.ports import held_port
from tests.scoring.registries import make_registry
from tests.serving.conftest import VERSION, Client, a_household, a_request
from tests.serving.readers import Everything


@pytest.fixture(scope="module")
def request_body() -> dict[str, Any]:
    made = a_request(*(a_household(f"H{n:02}", self_paid=1_700.0 * n) for n in range(12)))
    made["households"].append(example_request()["households"][0])
    moved = a_household("MOVED")
    moved["signals"]["household"][0]["village_code"] = "500999100300"
    made["households"].append(moved)
    # The service looks the neighbourhood up; the batch works it out.
    del made["households"][-2]["signals"]["neighbourhood"]
    made["coverage"] = [row for row in made["coverage"] if row["feed"] != "neighbourhood"]
    gone = made["coverage"].pop(4)
    # The disaster feed covers one village only, so that freshness differs from village to village.
    made["coverage"].append({**gone, "area_code": "500999100300"})
    return made


@pytest.fixture(scope="module")
def signals(request_body: dict[str, Any]) -> Signals:
    tables: dict[str, pa.Table] = {}
    for feed in CONTRACTS:
        rows = [
            {**row, "household_id": one["household_id"]}
            for one in request_body["households"]
            for row in one["signals"].get(feed, ())
        ]
        taken = take_in(feed, rows)
        assert not taken.quarantined, taken.quarantined
        tables[feed] = taken.accepted
    return Signals(tables, Coverage.from_rows(request_body["coverage"], CONTRACTS))


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture
def store(tmp_path: Path) -> AssessmentStore:
    return AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))


def test_api_batch_and_model_score_the_same_to_the_bit(
    bundle_dir: Path, signals: Signals, bundle: Bundle, store: AssessmentStore,
    request_body: dict[str, Any], as_of: dt.date, tmp_path: Path,
) -> None:  # fmt: skip
    summary = score_all(signals, as_of, bundle, store)
    assert summary.saved == Saved(new=14)
    assert sum(summary.grades.values()) == sum(summary.actions.values()) == summary.households == 14
    vectors = build_vectors(with_neighbourhood(signals, [as_of]), [as_of], region="CN-50")
    scores = dict(zip(vectors.index.get_level_values(0), bundle.model.score(vectors).tolist(), strict=True))
    # On the batch's own database: what is usual in a village is looked up there.
    app = create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/scores.db"))
    with Client(app) as own:
        assert app.state.champion.wait(300)
        online = own.post("/v1/scores", json=request_body).json()["results"]
    for one in online:
        stored = Everything(store).find(one["household_id"])
        assert stored is not None
        assert stored.body == one
        assert one["score"] == scores[one["household_id"]]
        assert list(stored.body["latest_facts"]) == list(one["latest_facts"])
        assert stored.horizon_months == 12
    assert len(set(scores.values())) > 3
    moved = Everything(store).find("MOVED")
    assert moved is not None
    assert moved.village_code == "500999100300"
    assert {tuple(one["missing_feeds"]) for one in online} == {
        # Without the disaster feed, and for one household alone, a village says nothing.
        ("disaster", "neighbourhood"),
        ("neighbourhood",),
    }


def test_the_service_looks_up_what_the_batch_knows_of_the_village(
    bundle_dir: Path, bundle: Bundle, as_of: dt.date, tmp_path: Path
) -> None:
    # The request comes again right after the batch: nothing may be remembered from before it.
    app = create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/own.db", lookup_seconds=0))
    with Client(app) as own:
        assert app.state.champion.wait(300)
        check_lookup(own, bundle, as_of)


def check_lookup(client: Client, bundle: Bundle, as_of: dt.date) -> None:
    body = a_request(*(a_household(f"N{n:02}", self_paid=1_000.0 * n) for n in range(7)))
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
    signals = Signals(tables, Coverage.from_rows(body["coverage"], CONTRACTS))
    store: AssessmentStore = client.app.state.store
    before = client.post("/v1/scores", json=body).json()["results"][0]
    assert before["missing_feeds"] == ["neighbourhood"]
    score_all(signals, as_of, bundle, store)
    for one in client.post("/v1/scores", json=body).json()["results"]:
        stored = Everything(store).find(one["household_id"])
        assert stored is not None
        assert one["missing_feeds"] == []
        assert stored.body == one
    # A household on its own is answered as among its neighbours, and not with later facts.
    alone = client.post("/v1/scores", json={**body, "households": body["households"][:1]}).json()["results"][
        0
    ]
    found = Everything(store).find("N00")
    assert found is not None
    assert alone == found.body
    # A row of the request that was not known yet is no row of the feed, and changes nothing.
    later = copy.deepcopy(body["households"][0])
    later["signals"]["neighbourhood"] = [
        {
            "occurred_on": "2026-11-30", "known_on": "2026-11-30", "households": 84,
            "median_income_yuan": 1, "median_self_paid_yuan": 640, "struck": 6, "identified": 1,
        }
    ]  # fmt: skip
    assert client.post("/v1/scores", json={**body, "households": [later]}).json()["results"][0] == alone
    earlier = client.post("/v1/scores", json={**body, "as_of_date": "2026-10-30"}).json()["results"][0]
    assert earlier["missing_feeds"] == ["neighbourhood"]


def test_a_batch_in_small_chunks_says_the_same(
    signals: Signals, bundle: Bundle, store: AssessmentStore, tmp_path: Path, as_of: dt.date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    score_all(signals, as_of, bundle, store)
    monkeypatch.setattr("serving.batch.CHUNK", 3)
    other = AssessmentStore(open_database(f"sqlite:///{tmp_path}/other.db"))
    score_all(signals, as_of, bundle, other)
    for key in ("H00", "H07", "EXAMPLE-0001", "MOVED"):
        one, two = Everything(store).find(key), Everything(other).find(key)
        assert one is not None
        assert two is not None
        assert one.body == two.body


def test_facts_of_the_batch_are_those_of_the_rows(
    signals: Signals, bundle: Bundle, store: AssessmentStore, as_of: dt.date
) -> None:
    from features.engines.row import stored_row

    score_all(signals, as_of, bundle, store)
    rows = {
        feed: [stored_row(row) for row in found]
        for feed, found in signals.household_rows("EXAMPLE-0001").items()
    }
    stored = Everything(store).find("EXAMPLE-0001")
    assert stored is not None
    told = {
        feed: (fact["records"], fact["occurred_on"], fact["known_on"])
        for feed, fact in stored.body["latest_facts"].items()
        if feed != "neighbourhood"
    }
    assert told == {
        feed: (fact.records, fact.occurred_on.isoformat(), fact.known_on.isoformat())
        for feed, fact in latest_facts(rows, as_of).items()
    }


def test_running_again_changes_no_row_and_new_facts_are_counted(
    signals: Signals, bundle: Bundle, store: AssessmentStore, as_of: dt.date
) -> None:
    score_all(signals, as_of, bundle, store)
    before = Everything(store).find("H03")
    assert score_all(signals, as_of, bundle, store).saved == Saved(unchanged=14)
    assert Everything(store).find("H03") == before
    bills = signals.tables["illness"].to_pylist()
    changed_bill = next(one for one in bills if one["household_id"] == "H03")
    changed_bill["occurred_on"] += dt.timedelta(days=1)
    table = pa.Table.from_pylist(bills, CONTRACTS["illness"].schema)
    changed = Signals({**signals.tables, "illness": table}, signals.coverage)
    saved = score_all(changed, as_of, bundle, store).saved
    assert saved == Saved(unchanged=13, changed=1)


def test_the_latest_run_is_listed(
    signals: Signals, bundle: Bundle, store: AssessmentStore, as_of: dt.date
) -> None:
    assert Everything(store).find_run() is None
    # Before the first delivery.
    assert score_all(signals, dt.date(2026, 9, 30), bundle, store).nothing_known == 14
    score_all(signals, as_of, bundle, store)
    run = Everything(store).find_run()
    assert run == Run(as_of, VERSION)
    page = Everything(store).list_run(run, limit=5)
    assert (len(page.items), page.total) == (5, 14)
    assert Everything(store).list_run(run, area="5009991003").total == 1
    assert Everything(store).list_run(run, area="50099_").total == 0
    assert Everything(store).list_run(run, action="visit").total >= 1
    found = Everything(store).find_unheard("H03", dt.date(2026, 9, 30))
    assert found is not None
    assert found.as_of_date == dt.date(2026, 9, 30)


def _serve(*arguments: object, **given: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "serving", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, **given)


def test_the_command_scores_a_folder(signals: Signals, bundle_dir: Path, tmp_path: Path) -> None:
    signals.save(tmp_path / "signals")
    database = f"sqlite:///{tmp_path}/scores.db"
    arguments = (
        "score", "--signals", tmp_path / "signals", "--as-of", "2026-10-31", "--bundle", bundle_dir,
        "--database", database,
    )  # fmt: skip
    done = _serve(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["households"], told["rows_new"], told["rows_changed"]) == (14, 14, 0)
    assert sum(told["grades"].values()) == sum(told["actions"].values()) == 14
    again = _serve(*arguments)
    assert again.returncode == 0
    assert "14" in again.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--signals": "/no/such"}, "signals.json"),
        ({"--as-of": "31.10.2026"}, "--as-of"),
        ({"--as-of": "2015-01-31"}, "in force"),
        ({"--bundle": "/no/such"}, "manifest.json"),
        ({"--database": "mysql://x"}, "PostgreSQL"),
        ({"--database": "sqlite:////no/such/s.db"}, "/no/such"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    signals: Signals, bundle_dir: Path, tmp_path: Path, change: dict[str, str], said: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from serving.__main__ import main

    signals.save(tmp_path / "signals")
    options = {
        "--signals": f"{tmp_path}/signals", "--as-of": "2026-10-31", "--bundle": str(bundle_dir),
        "--database": f"sqlite:///{tmp_path}/s.db", **change,
    }  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["serving", "score", *(one for pair in options.items() for one in pair)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


def test_the_command_pulls_a_bundle(
    bundle_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.__main__ import main

    def pull(registry: str) -> Any:
        monkeypatch.setattr(
            sys, "argv", ["serving", "pull", "--registry", registry, "--out", str(tmp_path / "out")]
        )
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code

    assert pull(f"sqlite:///{tmp_path / 'none.db'}") == 2
    assert f"there is no file {tmp_path / 'none.db'}" in capsys.readouterr().err.replace("\n", "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert pull("http://127.0.0.1:9") == 2
    assert "does not answer" in capsys.readouterr().err.replace("\n", " ")
    # Neither a server that is down nor another program's file ends in more than a sentence, and no password is
    # told of.
    for place in ("http://officer:SECRET@127.0.0.1:9", "postgresql+psycopg://officer:SECRET@127.0.0.1:9/d"):
        assert pull(place) == 2
        said = capsys.readouterr().err
        assert "SECRET" not in said
        assert "Traceback" not in said
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as foreign:
        foreign.execute("CREATE TABLE registered_models (a INTEGER)")
        foreign.commit()
    assert pull(f"sqlite:///{tmp_path / 'foreign.db'}") == 2
    assert "not MLflow's" in capsys.readouterr().err.replace("\n", " ")
    assert pull(make_registry(tmp_path / "registry", bundle_dir)) == 0
    assert VERSION in capsys.readouterr().out
    assert load_bundle(tmp_path / "out").sha256 == load_bundle(bundle_dir).sha256


def test_the_command_helps() -> None:
    done = _serve("--help")
    assert done.returncode == 0
    for command in ("score", "run", "pull"):
        assert command in done.stdout


def test_running_without_settings_says_which(tmp_path: Path) -> None:
    done = _serve("run", cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()})
    assert done.returncode == 2
    assert "FANGFAN_BUNDLE_DIR" in done.stderr
    assert issubclass(StorageError, ServingError)


def test_the_command_runs_the_service_and_stops_it(bundle_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with held_port() as port, log.open("wb") as sink:
        command = [
            sys.executable, "-W", "error", "-m", "serving", "run", "--access", "open", "--bundle", str(bundle_dir),
            "--database", f"sqlite:///{tmp_path}/s.db", "--port", str(port),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=sink, stderr=sink) as service:
            try:
                ask_a_service(f"http://127.0.0.1:{port}")
            finally:
                service.send_signal(signal.SIGTERM)
                service.wait(300)
    lines = [json.loads(one) for one in log.read_text(encoding="utf-8").splitlines()]
    assert "SECRETKEY" not in log.read_text(encoding="utf-8")
    assert {"method", "route", "status", "ms"} <= set(lines[-5]) | set(lines[-4]) | set(lines[-3])
    assert any(one.get("route") == "/households/{household_id}" for one in lines)


def ask_a_service(base: str) -> None:
    # No certificate is needed; to read them takes longer than to ask.
    ask = partial(httpx.request, verify=False, timeout=60)
    _until(lambda: ask("GET", f"{base}/health/live").status_code == 200)
    _until(lambda: ask("GET", f"{base}/health/ready").status_code == 200)
    answer = ask("POST", f"{base}/v1/scores", json=example_request())
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert ask("GET", f"{base}/households/SECRETKEY").status_code == 404
    headers = {"Content-Type": "application/json"}
    big = ask("POST", f"{base}/v1/scores", content=(b" " * 100_000 for _ in range(30)), headers=headers)
    assert big.status_code == 413


def _until(asked: Any, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if asked():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < end
        time.sleep(0.1)
