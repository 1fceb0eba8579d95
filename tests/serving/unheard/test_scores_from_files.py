"""A score that a job made of files of its own stays where a batch knows nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sqlalchemy import select

from scoring import Bundle
from scoring.silence import unscored
from serving.access import Scope
from serving.batch import score_all
from serving.storage import FROM_FILES, AssessmentStore, Run, SummaryStore
from serving.storage.runs import count_run
from serving.storage.tables import assessment, unheard_household
from tests.serving.casework.county import silent_statement
from tests.serving.conftest import VERSION
from tests.serving.jobs.orders import Desk, csv_files, tables_of
from tests.serving.readers import Everything
from tests.serving.unheard.county import (
    AS_OF,
    HEARD,
    LOUD,
    QUIET,
    SILENT,
    signals_of,
    stored,
    tell_from_files,
)


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


def test_a_job_takes_off_those_of_whom_nothing_is_known_only_whom_its_files_tell_of(
    bundle: Bundle, store: AssessmentStore, tmp_path: Path
) -> None:
    desk, run = Desk(store, tmp_path / "jobs", lambda: bundle), Run(AS_OF, VERSION)
    tables = tables_of(1)
    (household,) = tables["household"]
    household["village_code"] = SILENT
    said = silent_statement(household["household_id"], AS_OF)
    store.save_release(VERSION, bundle.sha256, 12)
    keys = [household["household_id"], *QUIET]
    store.save([{**said, "household_id": key, "model_version": VERSION} for key in keys], [SILENT] * 4)
    desk.do(csv_files(tables))
    assert stored(store) == (set(), set(keys))
    for row in tables["coverage"]:
        row["area_code"] = SILENT[:6]
    desk.do(csv_files(tables))
    assert stored(store) == ({keys[0]}, set(QUIET))
    counts = SummaryStore(store.engine).counts(run)[SILENT]
    assert (counts.households, counts.nothing_known) == (4, 3)
