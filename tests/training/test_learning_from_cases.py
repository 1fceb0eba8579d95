"""What casework recorded teaches the next model: scored, listed, visited, identified, exported, trained on."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event
from typer.testing import CliRunner

from features import Signals
from features.engines.duckdb import registered_villages
from scoring import load_bundle
from serving.access import Caller, Role, Scope
from serving.batch import score_all
from serving.cases.plan_form import read_delivery, read_measure
from serving.cases.visit import read_visit
from serving.outcomes.commands import outcomes as command
from serving.storage import Run
from serving.storage.case_tables import worklist, worklist_entry
from tests.serving.casework.county import CountyOffice, visit_document
from tests.serving.conftest import VERSION, make_bundle
from tests.serving.readers import AUDIT_KEY
from tests.training.conftest import ENDS_ON
from training.cohort import OUTCOME_COLUMNS, check_outcomes
from training.helped import load_helped
from training.pipeline import run_experiment
from training.visits import VISIT_COLUMNS, load_visits

BEGUN_ON, LISTED_ON = dt.date(2024, 10, 31), dt.date(2025, 10, 31)
"""When the service began to record cases, and when its list was made."""
SOON = dt.date(2026, 3, 1)
"""Who is identified before it was in difficulty when the list was visited."""
CADRE = Caller("p0000000002", Role.VILLAGE_OFFICIAL, Scope(""))
TOWN = Caller("p0000000003", Role.TOWNSHIP_OFFICIAL, Scope(""))
COUNTY = Caller("p0000000004", Role.COUNTY_OFFICIAL, Scope(""))
LISTED, DRAWN = 40, 40


@dataclass
class Recorded:
    """What a simulated county's cadres did, in the service's database and, told apart from it, by hand."""

    office: CountyOffice
    url: str
    identified: pd.DataFrame
    former: Path
    visited: dict[str, tuple[bool, str]]
    helped: str
    excluded: str


def identify(office: CountyOffice, household: str, village: str, one: Any) -> None:
    """Lead, visit, review, identification, on the days that they need."""
    last = one.identified_on.date()
    first = office.on(last - dt.timedelta(days=6))
    case = office.open_case(household, village, causes=())
    document = visit_document(first, finding="difficulty", causes=[one.cause_code])
    office.visits.record(CADRE, CADRE.key_id, household, read_visit(document, household, first))
    day, ends = first.isoformat(), (last - dt.timedelta(days=1)).isoformat()
    version = office.cases.find(COUNTY, case.id)
    assert version is not None
    number = version.version
    for caller, move, facts in (
        (CADRE, "alert", {}),
        (CADRE, "verify", {"visited_on": day}),
        (CADRE, "review", {"authorised_on": day, "compared_on": day, "reviewed_on": day, "attendance": 30, "published_on": day, "ends_on": ends}),
        (TOWN, "submit", {"checked_on": last.isoformat(), "objections": 0}),
        (COUNTY, "approve", {
            "object_type": one.object_type, "causes": [one.cause_code], "is_without_labour": False
        }),
    ):  # fmt: skip
        if move == "submit":
            office.on(last)
        number = office.cases.move(caller, caller.key_id, case.id, number, move, facts).version


def make_list(
    office: CountyOffice, households: list[str], drawn: list[str], homes: dict[str, str], chance: float
) -> None:
    terms = {"quota": LISTED, "random": DRAWN}
    with office.cases.writer.begin() as connection:
        connection.execute(worklist.insert().values(
            id="1" * 32, area_code="50", made_on=LISTED_ON, as_of_date=LISTED_ON, model_version=VERSION,
            terms=terms, made_at=office.now(),
        ))  # fmt: skip
        for place, one in enumerate([*households, *drawn]):
            is_drawn = one in drawn
            connection.execute(worklist_entry.insert().values(
                worklist_id="1" * 32, household_id=one, village_code=homes[one], grid="", place=place + 1,
                why="random" if is_drawn else "score", score=0.1, is_tied=0, chance=chance if is_drawn else None,
            ))  # fmt: skip


@pytest.fixture(scope="module")
def recorded(county_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("cases")
    url = f"sqlite:///{folder}/s.db"
    office = CountyOffice(url)
    # Hundreds of moves are hundreds of commits; whether a disk keeps them is asked elsewhere.
    event.listen(office.engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF").close())
    office.engine.dispose()
    signals = Signals.load(county_folder / "signals")
    make_bundle(folder / "bundle")
    score_all(signals, LISTED_ON, load_bundle(folder / "bundle"), office.assessments)
    happened = pd.read_parquet(county_folder / "outcomes.parquet").sort_values("identified_on")
    register = registered_villages(signals.tables["household"], LISTED_ON)
    homes = {str(household): village for household, village in register.items()}
    # A household that the register does not know any more has no village to be visited in.
    happened = happened[happened["household_id"].isin(register.index) & happened["cause_code"].notna()]
    former = happened[happened["identified_on"] <= pd.Timestamp(BEGUN_ON)]
    former.to_parquet(folder / "former.parquet", index=False)
    before = happened[
        happened["identified_on"].between(pd.Timestamp(BEGUN_ON), pd.Timestamp(LISTED_ON), "right")
    ]
    after = happened[happened["identified_on"] > pd.Timestamp(LISTED_ON)].set_index("household_id")
    for one in before.itertuples():
        identify(office, str(one.household_id), homes[str(one.household_id)], one)

    known = {*former["household_id"], *before["household_id"]}
    waiting = [one for one in homes if one not in known]
    page = office.assessments.list_run(COUNTY, Run(LISTED_ON, VERSION), limit=LISTED + 200)
    ranked = [one.body["household_id"] for one in page.items if one.body["household_id"] in set(waiting)]
    listed, rest = ranked[:LISTED], sorted(set(waiting) - set(ranked[:LISTED]))
    drawn = rest[:: len(rest) // DRAWN][:DRAWN]
    make_list(office, listed, drawn, homes, len(drawn) / len(rest))
    day = office.on(LISTED_ON + dt.timedelta(days=3))
    visited = {}
    for one in (*listed, *drawn):
        # Whose paperwork is done by then is found by somebody else.
        soon = one in after.index and dt.date(2025, 11, 15) < after.loc[one, "identified_on"].date() < SOON
        parts: dict[str, Any] = {"finding": "no_difficulty"}
        if soon:
            parts = {"finding": "difficulty", "causes": [after.loc[one, "cause_code"]]}
        form = read_visit(visit_document(day, **parts), one, day)
        assert office.visits.record(CADRE, CADRE.key_id, one, form) is not None
        visited[one] = (one in drawn, form.finding.value)
    helped, excluded = [one for one in rest if one not in after.index and one not in drawn][:2]
    case = office.open_case(helped, homes[helped])
    planned = office.plans.add(CADRE, CADRE.key_id, case.id, read_measure(
        {"measure": "reimbursement", "cause": "01", "amount_yuan": 800, "starts_on": str(day), "due_on": str(day)},
        day, "CN-50",
    ))  # fmt: skip
    assert planned is not None
    given = {"submission_key": "delivery-00000001", "delivered_on": str(day), "amount_yuan": 800}
    office.plans.deliver(
        CADRE, CADRE.key_id, case.id, planned[0].id, read_delivery(given, planned[0].entry, day)
    )
    wrong = office.open_case(excluded, homes[excluded])
    office.cases.move(TOWN, TOWN.key_id, wrong.id, wrong.version, "exclude", {"reason": "moved_away"})
    # What the cadres had found, and the county decided later. An open case goes on from where the visit left it.
    for one in after.reset_index().itertuples():
        identify(office, str(one.household_id), homes[str(one.household_id)], one)
    yield Recorded(office, url, happened, folder / "former.parquet", visited, helped, excluded)
    office.close()


@pytest.fixture(scope="module")
def exported(recorded: Recorded, county_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    key = folder / "audit.key"
    key.write_text(AUDIT_KEY.hex() + "\n")
    key.chmod(0o600)
    out = folder / "data"
    done = CliRunner().invoke(command, [
        "--out", str(out), "--until", str(ENDS_ON), "--database", recorded.url, "--audit-key-file", str(key), "--json",
        "--former", str(recorded.former),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["rows"]["outcomes"] == len(recorded.identified)
    assert json.loads((out / "provenance.json").read_text())["sha256"].keys() == told["rows"].keys()
    (out / "signals").symlink_to(county_folder / "signals")
    return out


def test_the_labels_are_what_happened(recorded: Recorded, exported: Path) -> None:
    made = check_outcomes(pd.read_parquet(exported / "outcomes.parquet"))
    columns = list(OUTCOME_COLUMNS)
    told = made[columns].sort_values("household_id", ignore_index=True)
    wanted = recorded.identified[columns].sort_values("household_id", ignore_index=True)
    told["identified_on"] = told["identified_on"].astype("datetime64[s]")
    wanted["identified_on"] = wanted["identified_on"].astype("datetime64[s]")
    pd.testing.assert_frame_equal(told, wanted, check_dtype=False)
    # What was known before the service says so by having no case.
    ours = made[made["identified_on"] > pd.Timestamp(BEGUN_ON)]
    assert made.loc[~made.index.isin(ours.index), "case_sha256"].isna().all()
    assert len(ours) > 20
    assert set(ours["recorded_move"]) == {"approve"}
    assert set(ours["recorded_role"]) == {"county_official"}
    assert ours["case_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert (ours["recorded_on"] == ours["identified_on"]).all()


def test_visits_help_and_endings_are_told_as_training_reads_them(recorded: Recorded, exported: Path) -> None:
    visits = load_visits(exported)
    assert visits is not None
    assert set(VISIT_COLUMNS) <= set(visits.columns)
    of_list = visits[visits["visited_on"] == pd.Timestamp(LISTED_ON + dt.timedelta(days=3))]
    of_list = of_list[of_list["household_id"].isin(recorded.visited)]
    assert {
        one.household_id: (bool(one.is_random), one.finding) for one in of_list.itertuples()
    } == recorded.visited
    assert (of_list["chance"].notna() == of_list["is_random"]).all()
    helped = load_helped(exported)
    assert helped is not None
    assert helped["household_id"].tolist() == [recorded.helped]
    endings = pd.read_parquet(exported / "endings.parquet")
    assert endings[["household_id", "ending", "reason"]].to_numpy().tolist() == [
        [recorded.excluded, "excluded", "moved_away"]
    ]
    # Nothing says who did it, and no text is anybody's own.
    for name in ("outcomes", "visits", "helped", "endings", "answers"):
        told = str(pq.read_table(exported / f"{name}.parquet").to_pylist())
        assert not any(one.key_id in told for one in (CADRE, TOWN, COUNTY))


def test_a_model_is_made_of_what_the_service_recorded(
    recorded: Recorded, exported: Path, experiment_file: Path, tmp_path: Path
) -> None:
    made = run_experiment(experiment_file, exported, tmp_path, outcomes_until=ENDS_ON)
    bundle = load_bundle(made.bundle)
    happened = recorded.identified
    wanted = 0
    for as_of in (dt.date(2023, 10, 31), dt.date(2024, 10, 31)):
        end = as_of.replace(year=as_of.year + 1)
        inside = (happened["identified_on"] > pd.Timestamp(as_of)) & (
            happened["identified_on"] <= pd.Timestamp(end)
        )
        wanted += int(inside.sum())
    assert wanted > 0
    # Who was not registered on a date has no row of it.
    assert 0.9 * wanted <= bundle.manifest.provenance.train_positives <= wanted
    vectors = made.evaluation.train_vectors.head(50)
    assert bundle.model.score(vectors).min() > 0
    assert made.evaluation.labels is not None
    (labels,) = made.evaluation.labels.tests
    assert labels.helped.before_outcome >= 1
    assert labels.missed is not None
    assert labels.missed.visits == DRAWN
