"""What is deleted and what stays, by the day; the log stays whole from where it now begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from features.errors import PolicyError
from serving.access import EVERYWHERE, Caller, Role
from serving.bulk import JobFolders
from serving.errors import AccessError, RetentionError
from serving.retention import Rule, delete_old, rules_of
from serving.storage import AssessmentStore, AuditLog, open_database
from serving.storage.audit_actions import Action
from serving.storage.tables import assessment, audit_entry, idempotency_key, job, unheard_household
from tests.serving.casework.county import silent_statement, statement
from tests.serving.readers import AUDIT_KEY
from tests.serving.test_storage import _body

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)
READER = Caller("k1", Role.PLATFORM, EVERYWHERE)
TODAY = NOW.date()


class World:
    """A database with things of several ages, and a clock that can be set."""

    def __init__(self, url: str, root: Path) -> None:
        self.engine: Engine = open_database(url)
        self.clock = NOW
        self.audit = AuditLog(self.engine, AUDIT_KEY, lambda: self.clock)
        self.folders = JobFolders(root)
        self.folders.prepare()

    def read_on(self, *ages: int) -> None:
        store = AssessmentStore(self.engine, self.audit)
        for age in ages:
            self.clock = NOW - age * DAY
            store.find(READER, f"H{age}")
        self.clock = NOW

    def count(self, table: object) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]  # any table

    def delete(
        self, rules: tuple[Rule, ...] | None = None, *, is_dry: bool = False
    ) -> dict[str, tuple[int, int]]:
        made = delete_old(
            self.audit, self.folders, rules or rules_of("CN-50", TODAY), OPERATOR, is_dry=is_dry
        )
        return {one.rule.subject: (one.deleted, one.left) for one in made}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(database_url, tmp_path / "jobs")
    yield made
    made.engine.dispose()


def test_everything_is_kept_to_its_day(world: World) -> None:
    days = {one.subject: one.days for one in rules_of("CN-50", TODAY)}
    store = AssessmentStore(world.engine)
    store.save_release("m", "0" * 64, 12)
    for age in (days["assessments"] - 1, days["assessments"], days["assessments"] + 1):
        store.save([{**_body("H1"), "as_of_date": f"{NOW - age * DAY:%Y-%m-%d}"}], ["500999100201"])
        # Nothing is known of the household's neighbour.
        silent = silent_statement("H2", (NOW - age * DAY).date())
        store.save([silent], ["500999100201"])
    with world.engine.begin() as connection:
        for age in (1, days["job_files"] - 1, days["job_files"] + 1):
            number, at = f"{age:032}", NOW - age * DAY
            connection.execute(job.insert().values(
                id=number, purpose="score", state="succeeded", spec={}, checkpoint={}, progress={}, failures=0,
                created_at=at, finished_at=at, deadline_at=at, area_code="",
            ))  # fmt: skip
            world.folders.of(number).path.mkdir()
            (world.folders.of(number).path / "result.csv").write_text("x")
        # One that has not ended is nobody's to delete.
        connection.execute(job.insert().values(
            id="f" * 32, purpose="score", state="queued", spec={}, checkpoint={}, progress={}, failures=0,
            created_at=NOW - 900 * DAY, deadline_at=NOW, area_code="",
        ))  # fmt: skip
        for age in (1, 3):
            at = NOW - age * DAY
            connection.execute(
                idempotency_key.insert().values(key_sha256=str(age), owner="o", held_until=at, created_at=at)
            )
    world.read_on(days["audit_log"] + 2, days["audit_log"] + 1, days["audit_log"] - 1, 0)
    wanted = {
        "audit_log": (2, 3),
        "assessments": (2, 4),
        "job_files": (1, 3),
        "idempotency_keys": (1, 1),
        **dict.fromkeys(("cases", "visits", "worklists"), (0, 0)),
    }
    tables = (audit_entry, assessment, unheard_household, job, idempotency_key)
    before = {one.name: world.count(one) for one in tables}
    folders = sorted(one.name for one in world.folders.jobs.iterdir())
    dry = world.delete(is_dry=True)
    assert {name: deleted for name, (deleted, _) in dry.items()} == {
        name: one for name, (one, _) in wanted.items()
    }
    assert {one.name: world.count(one) for one in tables} == before
    assert sorted(one.name for one in world.folders.jobs.iterdir()) == folders
    assert world.delete() == wanted
    assert world.count(job) == 3
    assert len(list(world.folders.jobs.iterdir())) == 2
    assert {name: deleted for name, (deleted, _) in world.delete().items()} == dict.fromkeys(wanted, 0)


def test_an_area_without_any_score_is_told_with_its_oldest_day(world: World) -> None:
    """Whoever reads that nothing is left takes the tables for empty."""
    store, first = AssessmentStore(world.engine), TODAY - 20 * DAY
    store.save_release("m", "0" * 64, 12)

    def told() -> tuple[int, object]:
        made = delete_old(world.audit, world.folders, rules_of("CN-50", TODAY), OPERATOR, is_dry=False)
        (kept,) = (one for one in made if one.rule.subject == "assessments")
        return kept.left, kept.oldest

    assert told() == (0, None)
    store.save([silent_statement("H1", first)], ["500999100201"])
    assert told() == (1, first)
    # The older day of both, whichever it is.
    for body, oldest in ((statement("H1", TODAY), first), (statement("H2", first - DAY), first - DAY)):
        store.save([body], ["500999100201"])
        assert told()[1] == oldest
    assert told() == (3, first - DAY)


def test_a_pruned_log_still_finds_every_edit(world: World) -> None:
    world.read_on(1_200, 1_150, 1_100, 50, 40)
    old = world.audit.verify().head
    entries = world.audit.search()
    assert world.delete()["audit_log"] == (3, 3)
    found = world.audit.verify()
    assert (found.entries, found.faults) == (6, ())
    assert world.audit.verify(old).faults == ()
    # The anchor of the last entry that went is known still; one before it is not.
    assert world.audit.verify(f"3:{entries[2].sha256}").faults == ()
    assert world.audit.verify(f"3:{'0' * 64}").faults == ("entry 3: is another than the anchor's",)
    with pytest.raises(AccessError, match="up to 3 were pruned"):
        world.audit.verify(f"2:{entries[3].sha256}")
    (told,) = world.audit.search(action=Action.LOG_PRUNED)
    assert (told.key_id, told.subject) == ("operator", entries[2].sha256)
    world.read_on(0)
    assert world.audit.verify().faults == ()


HARMS = {
    "one more is gone": "DELETE FROM audit_entry WHERE seq = 4",
    "the base says another number": "UPDATE audit_head SET seq = 4 WHERE id = 2",
    "the base is gone": "DELETE FROM audit_head WHERE id = 2",
    "the base is the head's": "UPDATE audit_head SET seal = (SELECT seal FROM audit_head WHERE id = 1) WHERE id = 2",
    "all is gone": "DELETE FROM audit_entry",
    "an entry": "UPDATE audit_entry SET outcome = 'shown' WHERE seq = 5",
}


@pytest.mark.parametrize("harm", HARMS)
def test_edits_of_a_pruned_log_are_found(world: World, harm: str) -> None:
    world.read_on(1_200, 1_150, 1_100, 50, 40)
    world.delete()
    with world.engine.begin() as connection:
        connection.execute(text(HARMS[harm]))
    assert world.audit.verify().faults != ()
    # And what has faults is not pruned further: they would go with it.
    world.clock = NOW + 2_000 * DAY
    with pytest.raises(AccessError):
        delete_old(world.audit, world.folders, rules_of("CN-50", TODAY), OPERATOR, is_dry=False)


def test_logs_are_never_kept_for_less_than_the_law_asks() -> None:
    assert rules_of("CN-50", TODAY, 184)[0].days == 184
    for days in (183, 1, 0, -5):
        with pytest.raises(RetentionError, match=r"184 days at least .*网络安全法.*not"):
            rules_of("CN-50", TODAY, days)
    # Six months from any day of any year are no longer than that, and some are as long.
    longest = max(
        (dt.date(year + (month > 6), (month + 5) % 12 + 1, day) - dt.date(year, month, day)).days
        for year in range(2020, 2032) for month in range(1, 13) for day in range(1, 29)
    )  # fmt: skip
    assert longest == 184
    with pytest.raises(PolicyError):
        rules_of("CN-50", dt.date(2015, 1, 1))


def test_an_empty_log_and_a_young_one_are_left_alone(world: World) -> None:
    assert world.delete()["audit_log"] == (0, 0)
    world.read_on(3, 2)
    assert world.delete()["audit_log"] == (0, 2)
    assert world.audit.verify().entries == 2
