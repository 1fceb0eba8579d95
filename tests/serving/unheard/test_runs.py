"""A household of which no department tells anything has no score in a run, is counted and never lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from scoring import Bundle
from scoring.silence import unscored
from serving.access import OPEN, Caller, Role, Scope
from serving.batch import score_all
from serving.errors import Problem
from serving.storage import AssessmentStore, History, Run, Saved, SummaryStore, UnheardStore, open_database
from serving.storage.elsewhere import Elsewhere
from serving.storage.tables import assessment, unheard_household
from serving.storage.whereabouts import find_village
from tests.serving.conftest import VERSION
from tests.serving.readers import Everything
from tests.serving.unheard.county import AS_OF, HEARD, LOUD, QUIET, SILENT, signals_of, stored


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


@pytest.mark.parametrize(("prefix", "area"), [(SILENT[:6], ""), ("", SILENT[:6]), (SILENT[:6], SILENT[:2])])
def test_only_what_lies_inside_of_both_areas_is_read_of_an_index(
    tmp_path: Path, prefix: str, area: str
) -> None:
    """A county's page of a province that is silent goes through no other county."""
    reader = Everything(AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))).store
    asked = []

    def keep(_connection: Any, _cursor: Any, text: str, given: Any, *_more: Any) -> None:
        if "FROM unheard_household" in text:
            asked.append((text, given))

    event.listen(reader.engine, "before_cursor_execute", keep)
    caller = Caller("k", Role.PLATFORM, Scope(prefix))
    UnheardStore(reader.engine, reader.audit).list_run(caller, Run(AS_OF, VERSION), area=area)
    ((text, given),) = asked
    with reader.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all()
    reader.engine.dispose()
    assert "village_code>? AND village_code<?" in str(plan)


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
