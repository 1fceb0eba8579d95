"""A household of which no department tells anything has no score anywhere, is counted, told and never lost."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event, func, select

from features import CONTRACTS, Coverage, Signals, take_in
from scoring import Bundle, load_bundle
from scoring.silence import unscored
from serving.access import OPEN, Caller, Role, Scope
from serving.api.history_answers import HistoryAnswer
from serving.api.stored_answers import StoredAssessmentAnswer
from serving.app import create_app
from serving.batch import score_all
from serving.errors import Problem
from serving.province import read_statement, read_summary, score_province
from serving.province.folder import ProvinceFolder
from serving.province.spark import plain
from serving.settings import Settings
from serving.storage import (
    FROM_FILES,
    AssessmentStore,
    History,
    Run,
    Saved,
    SummaryStore,
    UnheardStore,
    open_database,
)
from serving.storage.elsewhere import Elsewhere
from serving.storage.household_record import RecordStore
from serving.storage.runs import count_run
from serving.storage.tables import assessment, unheard_household
from serving.storage.whereabouts import find_village
from tests.serving.casework.county import silent_statement, statement
from tests.serving.conftest import VERSION, Client, a_household, a_request
from tests.serving.readers import Everything

AS_OF = dt.date(2026, 10, 31)
HEARD, NEAR, SILENT = "500999100201", "500999100202", "500998100201"
LOUD = tuple(f"H{n}" for n in range(4))
QUIET = ("Q0", "Q1", "Q2")


def signals_of(heard: tuple[str, ...] = LOUD, silent: tuple[str, ...] = QUIET, **more: Any) -> Signals:
    """Households of a covered county, and of one whose departments have told nothing."""
    bodies = [
        a_household(key, self_paid=more.get("yuan", 2_000.0) * n) for n, key in enumerate((*heard, *silent))
    ]
    for body in bodies[len(heard) :]:
        body["signals"]["household"][0]["village_code"] = SILENT
    made = a_request(*bodies)
    coverage = [
        {**row, "area_code": area} for row in made["coverage"] for area in more.get("covered", (HEARD[:6],))
    ]
    tables: dict[str, pa.Table] = {}
    for feed in CONTRACTS:
        rows = [
            {**row, "household_id": one["household_id"]}
            for one in bodies
            for row in one["signals"].get(feed, ())
        ]
        taken = take_in(feed, rows)
        assert not taken.quarantined, taken.quarantined
        tables[feed] = taken.accepted
    own = [row for row in coverage if row["feed"] != "neighbourhood"]
    return Signals(tables, Coverage.from_rows(own, CONTRACTS))


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    made = AssessmentStore(open_database(database_url))
    yield made
    made.engine.dispose()


def stored(store: AssessmentStore) -> tuple[set[str], set[str]]:
    """Whom the run has with a score, and whom without one."""
    with store.engine.connect() as connection:
        scored, silent = (
            list(connection.execute(select(table.c.household_id)).scalars())
            for table in (assessment, unheard_household)
        )
    assert len(set(scored)) == len(scored)
    assert len(set(silent)) == len(silent)
    return set(scored), set(silent)


def tell_from_files(store: AssessmentStore, household_id: str) -> None:
    """As if a job had made the household's score of files of its own."""
    with store.writer.begin() as connection:
        of_it = assessment.c.household_id == household_id
        row = connection.execute(select(assessment).where(of_it)).one()
        connection.execute(assessment.update().where(of_it).values(body={**row.body, FROM_FILES: True}))


def test_the_batch_gives_no_score_of_nothing_and_counts_everybody(
    bundle: Bundle, store: AssessmentStore
) -> None:
    signals = signals_of()
    summary = score_all(signals, AS_OF, bundle, store)
    assert (summary.households, summary.nothing_known, summary.saved) == (7, 3, Saved(new=7))
    assert sum(summary.grades.values()) == sum(summary.actions.values()) == 4
    assert stored(store) == (set(LOUD), set(QUIET))
    assert score_all(signals, AS_OF, bundle, store).saved == Saved(unchanged=7)
    run, summaries = Run(AS_OF, VERSION), SummaryStore(store.engine)
    told = {area: one for area, one in summaries.counts(run).items() if len(area) in (2, 6)}
    assert {area: (one.households, one.nothing_known) for area, one in told.items()} == {
        "50": (7, 3), HEARD[:6]: (4, 0), SILENT[:6]: (3, 3),
    }  # fmt: skip
    assert told[SILENT[:6]].grades.total() == told[SILENT[:6]].score_units == 0
    assert told[SILENT[:6]].unknown["illness"] == 3
    # The list is of those that have a score; the others are listed apart.
    page = Everything(store).list_run(run)
    assert {one.body["household_id"] for one in page.items} == set(LOUD)
    assert page.total == 4


def test_a_run_that_knows_nothing_of_an_area_is_its_run(bundle: Bundle, store: AssessmentStore) -> None:
    """An older run in its place would look like news."""
    counties = (HEARD[:6], SILENT[:6])
    score_all(signals_of(covered=counties), AS_OF, bundle, store)
    later = AS_OF + dt.timedelta(days=20)
    score_all(signals_of(), later, bundle, store)
    for prefix in (SILENT, SILENT[:6], "50", ""):
        caller = Caller("k", Role.PLATFORM, Scope(prefix))
        assert store.find_run(caller) == Run(later, VERSION)
    found = Everything(store).find("Q0")
    assert found is not None
    assert found.body["as_of_date"] == str(AS_OF)
    silent = Everything(store).find_unheard("Q0")
    assert silent is not None
    assert (silent.as_of_date, silent.village_code) == (later, SILENT)
    assert "illness" in silent.feeds["missing_feeds"]
    # Of the day that is asked for alone.
    assert Everything(store).find_unheard("Q0", AS_OF) is None
    assert Everything(store).find("Q0", later) is None
    assert Everything(store).find_unheard("H0") is None


def test_of_two_models_the_later_is_the_run_of_an_area_it_knows_nothing_of(
    bundle: Bundle, store: AssessmentStore
) -> None:
    """The other's grades would be shown, and none of those without a score listed."""
    score_all(signals_of(covered=(HEARD[:6], SILENT[:6])), AS_OF, bundle, store)
    store.save_release("later", "0" * 64, 12)
    silence = {"missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": []}
    with store.engine.connect() as connection:
        found = connection.execute(select(assessment.c.body, assessment.c.village_code)).all()
    bodies = [{**one.body, "model_version": "later"} for one in found]
    said = [
        unscored({**body, **silence}) if one.village_code == SILENT else body
        for one, body in zip(found, bodies, strict=True)
    ]
    store.save(said, [one.village_code for one in found])
    for prefix in (SILENT, SILENT[:6], HEARD, "50", ""):
        assert store.find_run(Caller("k", Role.PLATFORM, Scope(prefix))) == Run(AS_OF, "later")
    # And the other again, once it was the last to say something new of the area.
    silent = [unscored({**one.body, **silence}) for one in found if one.village_code == SILENT]
    store.save(silent, [SILENT] * len(silent))
    assert store.find_run(Caller("k", Role.PLATFORM, Scope(SILENT))) == Run(AS_OF, VERSION)


def test_a_household_that_moved_to_where_nothing_is_known_is_there(
    bundle: Bundle, store: AssessmentStore
) -> None:
    """Its former grade is no news, and whoever visits it settles the list of where it is."""
    score_all(signals_of(), AS_OF, bundle, store)
    later = AS_OF + dt.timedelta(days=20)
    score_all(signals_of(heard=LOUD[1:], silent=("H0",)), later, bundle, store)
    reader = Everything(store).store
    found = reader.find(OPEN, "H0")
    assert isinstance(found, History)
    assert found.latest.village_code == HEARD
    assert found.unheard is not None
    assert (found.unheard.village_code, found.unheard.as_of_date) == (SILENT, later)
    assert found.elsewhere == (Elsewhere(SILENT, later),)
    for scope, village in (("", SILENT), ("50", SILENT), (SILENT, SILENT), (HEARD, HEARD), ("51", None)):
        caller = Caller("k", Role.PLATFORM, Scope(scope))
        with store.engine.connect() as connection:
            assert find_village(connection, caller, "H0") == village
    # Whoever sees where it was alone is told what was said there.
    told = reader.find(Caller("k", Role.PLATFORM, Scope(HEARD)), "H0")
    assert isinstance(told, History)
    assert (told.unheard, told.elsewhere) == (None, ())
    # And it is where it is scored once it is heard of again.
    score_all(signals_of(), later + dt.timedelta(days=1), bundle, store)
    again = reader.find(OPEN, "H0")
    assert isinstance(again, History)
    assert (again.latest.village_code, again.unheard) == (HEARD, None)
    assert again.elsewhere == (Elsewhere(SILENT, later),)
    with store.engine.connect() as connection:
        assert find_village(connection, OPEN, "H0") == HEARD


def test_what_is_heard_later_is_scored_and_what_falls_silent_is_not_kept(
    bundle: Bundle, store: AssessmentStore
) -> None:
    """The same run again, with other deliveries."""
    quiet, loud = signals_of(), signals_of(covered=(HEARD[:6], SILENT[:6]))
    score_all(quiet, AS_OF, bundle, store)
    # The neighbourhood of the others is what it was.
    assert score_all(loud, AS_OF, bundle, store).saved == Saved(unchanged=4, changed=0, new=3)
    assert stored(store) == ({*LOUD, *QUIET}, set())
    assert score_all(quiet, AS_OF, bundle, store).saved == Saved(unchanged=4, changed=3)
    assert stored(store) == (set(LOUD), set(QUIET))
    assert SummaryStore(store.engine).counts(Run(AS_OF, VERSION))["50"].nothing_known == 3


def test_a_score_from_files_outlives_a_batch_that_knows_nothing(
    bundle: Bundle, store: AssessmentStore
) -> None:
    score_all(signals_of(covered=(HEARD[:6], SILENT[:6])), AS_OF, bundle, store)
    tell_from_files(store, "Q0")
    summary = score_all(signals_of(), AS_OF, bundle, store)
    assert stored(store) == ({*LOUD, "Q0"}, {"Q1", "Q2"})
    assert (summary.saved.new, summary.saved.unchanged, summary.saved.changed) == (0, 5, 2)
    # What is told is what the run is counted as wherever else it is told.
    with store.engine.connect() as connection:
        counts = count_run(connection, Run(AS_OF, VERSION))
    told = summary.as_json()
    assert (told["households"], told["nothing_known"]) == (counts.households, counts.nothing_known) == (7, 2)
    assert +Counter(told["grades"]) == counts.grades
    assert sum(told["actions"].values()) == counts.scored
    assert (told["rows_new"], told["rows_unchanged"], told["rows_changed"]) == (0, 5, 2)
    assert not any("stayed" in name for name in told)


def test_a_score_from_files_hides_nobody_of_its_key_in_another_village(
    bundle: Bundle, store: AssessmentStore
) -> None:
    """The registered household is stored where it is now, as a scored one is, and never drops out."""
    score_all(signals_of(), AS_OF, bundle, store)
    tell_from_files(store, "H0")
    body = Everything(store).find("H0")
    assert body is not None
    assert body.village_code == HEARD
    score_all(signals_of(heard=LOUD[1:], silent=("H0",)), AS_OF, bundle, store)
    silent = Everything(store).find_unheard("H0")
    assert silent is not None
    assert silent.village_code == SILENT
    assert stored(store) == ({*LOUD[1:]}, {"H0", *QUIET})
    told = SummaryStore(store.engine).counts(Run(AS_OF, VERSION))
    assert (told[HEARD].households, told[SILENT].households, told[SILENT].nothing_known) == (3, 4, 4)


def test_a_score_from_files_is_the_only_one_of_its_key_that_stays(
    bundle: Bundle, store: AssessmentStore
) -> None:
    """Others of the key, which other areas stored, go: scored or not, they are of where it was."""
    score_all(signals_of(covered=(HEARD[:6], SILENT[:6])), AS_OF, bundle, store)
    tell_from_files(store, "Q0")
    silence = {"missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": []}
    with store.engine.connect() as connection:
        row = connection.execute(select(assessment).where(assessment.c.household_id == "Q0")).one()
    elsewhere = "500997100201"
    store.save([{**row.body, FROM_FILES: None}], [HEARD], Scope(HEARD))
    store.save([unscored({**row.body, **silence})], [elsewhere], Scope(elsewhere))
    with store.engine.connect() as connection:
        places = [
            set(connection.execute(select(of.c.village_code).where(of.c.household_id == "Q0")).scalars())
            for of in (assessment, unheard_household)
        ]
    assert places == [{HEARD, SILENT}, {elsewhere}]
    score_all(signals_of(), AS_OF, bundle, store)
    assert stored(store) == ({*LOUD, "Q0"}, {"Q1", "Q2"})
    told = SummaryStore(store.engine).counts(Run(AS_OF, VERSION))
    assert (told[SILENT].households, told[SILENT].nothing_known, told["50"].households) == (3, 2, 7)
    assert elsewhere not in told


def test_those_of_an_area_are_listed_inside_the_callers(bundle: Bundle, store: AssessmentStore) -> None:
    score_all(signals_of(), AS_OF, bundle, store)
    reader = Everything(store).store
    unheard, run = UnheardStore(reader.engine, reader.audit), Run(AS_OF, VERSION)
    assert [one.household_id for one in unheard.list_run(OPEN, run)] == list(QUIET)
    assert [one.household_id for one in unheard.list_run(OPEN, run, limit=1, offset=1)] == ["Q1"]
    for prefix, area, count in (
        ("", "", 3),
        (SILENT, "", 3),
        ("", HEARD, 0),
        (HEARD, "", 0),
        (HEARD, SILENT, 0),
        # No area has such a code.
        (SILENT[:8], "", 3),
        ("", SILENT[:8], 3),
        (HEARD[:8], SILENT, 0),
    ):
        caller = Caller("k", Role.PLATFORM, Scope(prefix))
        assert unheard.count(caller, run, area) == len(unheard.list_run(caller, run, area=area)) == count
    with pytest.raises(Problem) as refused:
        UnheardStore(store.engine, None).list_run(OPEN, run)
    assert refused.value.code == "audit_failed"


@pytest.fixture(scope="module")
def service(bundle: Bundle, bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two runs: in the first all are heard but Q2, which came later; in the second a county is silent."""
    path = tmp_path_factory.mktemp("unheard") / "scores.db"
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{path}"))) as made:
        store: AssessmentStore = made.app.state.store
        score_all(signals_of(silent=QUIET[:2], covered=(HEARD[:6], SILENT[:6])), AS_OF, bundle, store)
        score_all(signals_of(), AS_OF + dt.timedelta(days=20), bundle, store)
        yield made


def test_the_interface_tells_that_nothing_is_known(service: Client) -> None:
    told = service.get("/v1/households/Q0").json()
    StoredAssessmentAnswer.model_validate(told)
    assert told["as_of_date"] == str(AS_OF)
    assert told["nothing_known"]["as_of_date"] == "2026-11-20"
    assert "没有数据不等于没有风险" in told["nothing_known"]["text"]["zh"]
    assert service.get("/v1/households/H0").json()["nothing_known"] is None
    assert service.get(f"/v1/households/Q0?as_of_date={AS_OF}").json()["nothing_known"] is None
    for path in ("/v1/households/Q2", "/v1/households/Q0?as_of_date=2026-11-20"):
        answer = service.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_known")
    # Elsewhere and nowhere are the same.
    outside = service.make_key(Role.PLATFORM, HEARD[:6])
    for key in ("Q0", "Q2", "NOBODY"):
        assert service.get(f"/v1/households/{key}", headers=outside).status_code == 404


def test_a_history_tells_that_a_later_run_knew_nothing(service: Client) -> None:
    told = {key: service.get(f"/v1/households/{key}/scores").json() for key in ("Q0", "Q2", "H0")}
    for one in told.values():
        HistoryAnswer.model_validate(one)
    assert {key: [one["as_of_date"] for one in told[key]["scores"]] for key in told} == {
        "Q0": [str(AS_OF)], "Q2": [], "H0": ["2026-11-20", str(AS_OF)],
    }  # fmt: skip
    for key in ("Q0", "Q2"):
        assert told[key]["nothing_known"]["as_of_date"] == "2026-11-20"
        assert "illness" in told[key]["nothing_known"]["missing_feeds"]
    assert told["H0"]["nothing_known"] is None
    # Of all scores, and not of the period that is asked for.
    early = service.get("/v1/households/Q0/scores?to=2026-10-01").json()
    assert (early["scores"], early["nothing_known"]["as_of_date"]) == ([], "2026-11-20")
    outside = service.make_key(Role.PLATFORM, HEARD[:6])
    for key in ("Q0", "Q2", "NOBODY"):
        assert service.get(f"/v1/households/{key}/scores", headers=outside).status_code == 404


def test_a_course_is_cut_where_nothing_was_known(store: AssessmentStore) -> None:
    days = [AS_OF + dt.timedelta(days=one) for one in (0, 10, 20)]
    store.save_release("m", "0" * 64, 12)
    for day in days:
        said = silent_statement if day == days[1] else statement
        store.save([statement("H0", day), said("Q0", day)], [HEARD, SILENT])
    records = records_of(store)
    assert [one.is_cut for one in records.find(OPEN, "H0").course] == [False, False, False]
    assert [one.is_cut for one in records.find(OPEN, "Q0").course] == [True, False]


def test_a_household_without_a_score_is_read_and_not_missed(bundle: Bundle, store: AssessmentStore) -> None:
    """The log has one outcome for one reading of a page."""
    score_all(signals_of(), AS_OF, bundle, store)
    records = records_of(store)
    for key in ("Q0", "NOBODY"):
        assert records.find(OPEN, key).course == ()
    assert [one.outcome for one in records.audit.search(household_id="Q0")] == ["shown"]
    assert [one.outcome for one in records.audit.search(household_id="NOBODY")] == ["not_found"]


def records_of(store: AssessmentStore) -> RecordStore:
    reader = Everything(store).store
    assert reader.audit is not None
    return RecordStore(reader.engine, reader.audit)


def test_a_summary_tells_how_many(service: Client) -> None:
    official = service.make_key(Role.COUNTY_OFFICIAL, SILENT[:6])
    told = service.get(f"/v1/areas/{SILENT[:6]}/summary", headers=official).json()
    assert (told["as_of_date"], told["households"], told["nothing_known"]) == ("2026-11-20", 3, 3)
    assert told["expected"] == {"count": 0.0, "low": 0.0, "high": 0.0}
    assert told["grades"] == {"high": 0, "medium": 0, "low": 0}
    assert told["feeds"]["illness"]["state"] == "unknown"
    # To others three are too few to be told.
    assert service.get(f"/v1/areas/{SILENT[:6]}/summary").json()["nothing_known"] is None


def test_who_moved_to_where_nothing_is_known_is_visited_there(
    bundle: Bundle, bundle_dir: Path, tmp_path: Path
) -> None:
    """And nothing is asked or told of what was on record where it was, unless its case is still there."""
    with Client(create_app(Settings(bundle_dir, f"sqlite:///{tmp_path}/scores.db"))) as client:
        store: AssessmentStore = client.app.state.store
        score_all(signals_of(yuan=10_000.0), AS_OF, bundle, store)
        caller = Caller("k", Role.TOWNSHIP_OFFICIAL, Scope(HEARD[:9]))
        key = client.make_key(caller.role, caller.scope.prefix)
        with store.engine.connect() as connection:
            body = connection.execute(select(assessment.c.body).where(assessment.c.household_id == "H3"))
            said = body.scalar_one()

        def is_told() -> bool:
            sheet = client.get("/households/H3/sheet", headers={**key, "Accept": "text/html"})
            assert sheet.status_code == 200
            return "报销以后自己出了" in sheet.text

        assert is_told()
        silence = {"missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": []}
        moved = unscored({**said, **silence, "as_of_date": "2026-11-20"})
        store.save([moved], [NEAR])
        assert not is_told()
        told = client.get("/v1/households/H3").json()
        assert (told["village_code"], told["nothing_known"]["as_of_date"]) == (HEARD, "2026-11-20")
        assert told["elsewhere"] == [{"village_code": NEAR, "as_of_date": "2026-11-20"}]
        with store.writer.begin() as connection:
            client.app.state.work.cases.open_in(
                connection, household_id="H3", village_code=HEARD, opened_on=AS_OF, grade=1,
                theme="illness", is_hard=False, disagreement=None, causes=(),
            )  # fmt: skip
        assert is_told()


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "没有数据不等于没有风险"), ("en", "No data is not no risk")]
)
def test_pages_tell_it_and_call_nobody_low_risk(service: Client, language: str, said: str) -> None:
    listed = service.page(f"/?lang={language}").text
    assert all(key in listed for key in LOUD)
    assert not any(f"/households/{key}" in listed for key in QUIET)
    assert "action=unheard" in listed
    apart = service.page(f"/?action=unheard&lang={language}").text
    assert [key for key in (*LOUD, *QUIET) if f"/households/{key}" in apart] == list(QUIET)
    assert said in apart
    for key in ("Q0", "Q2"):
        page = service.page(f"/households/{key}?lang={language}")
        assert page.status_code == 200
        assert said in page.text
        assert SILENT in page.text
    assert "2026-11-20" in service.page(f"/households/Q0?lang={language}").text
    assert service.page(f"/?area={HEARD}&action=unheard&lang={language}").status_code == 200
    assert said not in service.page(f"/households/H0?lang={language}").text


def test_a_page_of_the_list_counts_nobody(service: Client) -> None:
    """How many there are was counted when they were stored, in whatever number of them."""
    counting: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "count(" in statement and "FROM unheard_household" in statement:
            counting.append(statement)

    engine = service.app.state.store.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for query in ("", f"?area={SILENT}", "?action=unheard", f"?area={SILENT[:6]}&action=unheard"):
            assert service.page(f"/{query}").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert counting == []


def test_a_province_writes_them_without_a_score_as_the_batch_does(
    bundle: Bundle, tmp_path: Path, store: AssessmentStore
) -> None:
    signals = signals_of()
    signals.save(tmp_path / "signals", households_per_bucket=3)
    run = score_province(tmp_path / "signals", AS_OF, bundle, tmp_path / "out", health=False)
    summary = score_all(signals, AS_OF, bundle, store)
    files = ProvinceFolder(tmp_path / "out").files()
    rows = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    assert run.households == len(rows) == summary.households
    by_key = {row["household_id"]: row for row in rows}
    # Spark takes every batch by the columns of an empty one.
    schemas = {plain(pq.read_table(path, partitioning=None)).schema for path in files}
    assert len(files) > 1
    assert len(schemas) == 1
    told = read_summary(tmp_path / "out")
    assert (told["province"]["households"], told["province"]["nothing_known"]) == (7, 3)
    assert told["counties"][SILENT[:6]]["nothing_known"] == told["counties"][SILENT[:6]]["households"] == 3
    assert told["province"]["grades"] == summary.grades
    assert told["province"]["actions"] == summary.actions
    made_of_a_score = (
        "score", "log_odds", "base_log_odds", "certainty", "grade", "suggested_action", "risk_reasons",
        "protective_reasons", "rule_hits", "horizons", "themes",
    )  # fmt: skip
    for key in QUIET:
        row, silent = by_key[key], Everything(store).find_unheard(key)
        assert silent is not None
        assert row["problem"] == "nothing_known"
        assert {name: row[name] for name in made_of_a_score} == dict.fromkeys(made_of_a_score)
        assert {name: row[name] for name in silent.feeds} == silent.feeds
        answer = read_statement(tmp_path / "out", key)
        assert answer is not None
        assert (answer["household_id"], answer["problem"]["code"]) == (key, "nothing_known")
    for key in LOUD:
        found = Everything(store).find(key)
        assert found is not None
        assert by_key[key]["problem"] is None
        assert by_key[key]["score"] == found.body["score"]
        assert by_key[key]["grade"] == found.body["grade"]
        said = read_statement(tmp_path / "out", key)
        assert said is not None
        assert said["score"] == found.body["score"]


def test_a_standing_alert_is_not_taken_back_by_silence(bundle: Bundle, store: AssessmentStore) -> None:
    """What an earlier run found stays to be visited, although nothing is known any more."""
    yuan = 10_000.0
    score_all(signals_of(covered=(HEARD[:6], SILENT[:6]), yuan=yuan), AS_OF, bundle, store)
    alerted = {
        key for key in QUIET if (one := Everything(store).find(key)) is not None and one.body["rule_hits"]
    }
    assert alerted
    later = AS_OF + dt.timedelta(days=20)
    summary = score_all(signals_of(yuan=yuan), later, bundle, store)
    assert summary.nothing_known == len(QUIET) - len(alerted)
    for key in alerted:
        found = Everything(store).find(key, later)
        assert found is not None
        assert found.body["standing"]["as_of_date"] == str(AS_OF)
        assert found.body["suggested_action"] == "visit"
    with store.engine.connect() as connection:
        counted = connection.execute(select(func.count()).select_from(unheard_household)).scalar()
    assert counted == summary.nothing_known
