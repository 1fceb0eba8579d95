"""The release log: the state after any row of changes, who and why, and that edits are found."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from serving.app import open_audit
from serving.errors import ModelError
from serving.settings import Settings
from serving.storage import AuditLog, ReleaseLog, open_database
from serving.storage.audit_actions import Action
from serving.storage.releases import InService, Pick
from serving.storage.tables import audit_entry, audit_head, release_entry
from tests.serving.models.desks import WHO

PICKS = tuple(Pick(f"m-{name}", name * 64) for name in "abc")


def open_log(url: str, folder: Path) -> tuple[ReleaseLog, AuditLog]:
    engine = open_database(url)
    return ReleaseLog(engine), open_audit(engine, Settings(None, url, jobs_dir=folder / "jobs"))


def test_a_change_says_who_when_from_to_and_why(database_url: str, tmp_path: Path) -> None:
    log, audit = open_log(database_url, tmp_path)
    assert log.state() == InService()
    log.use(PICKS[0], audit, WHO, "desk", "first", after=0)
    log.use(PICKS[1], audit, WHO, "desk", "better", after=1)
    off = log.switch(audit, WHO, "night shift", "odd lists", is_on=False)
    back = log.rollback(audit, WHO, "desk", "too many alarms", after=3)
    assert (back.from_version, back.to_version, back.why, back.released_by) == (
        "m-b", "m-a", "too many alarms", "desk",
    )  # fmt: skip
    # A rollback leaves the switch as it is.
    assert log.state() == InService(PICKS[0], None, False, 4)
    assert off.at <= back.at
    assert [one.seq for one in log.page(2)] == [4, 3]
    assert [one.seq for one in log.page(10, before=3)] == [2, 1]
    assert log.was_in_service(PICKS[1])
    assert not log.was_in_service(PICKS[2])
    assert log.verify(audit) == []
    told = audit.search(action=Action.MODEL_CHANGED)
    assert [one.subject for one in told] == [one.sha256 for one in log.page(10)]
    log.engine.dispose()


def test_what_cannot_be_is_refused_and_writes_nothing(database_url: str, tmp_path: Path) -> None:
    log, audit = open_log(database_url, tmp_path)
    with pytest.raises(ModelError, match="before this one"):
        log.rollback(audit, WHO, "desk", "why", after=0)
    with pytest.raises(ModelError, match="on already"):
        log.switch(audit, WHO, "desk", "why", is_on=True)
    log.use(PICKS[0], audit, WHO, "desk", "why", after=0)
    with pytest.raises(ModelError, match="in service already"):
        log.use(PICKS[0], audit, WHO, "desk", "why", after=1)
    with pytest.raises(ModelError, match="came in between"):
        log.use(PICKS[1], audit, WHO, "desk", "why", after=0)
    for by, why in (("", "why"), ("desk", ""), ("desk", "two\nlines"), ("desk", "x" * 501), ("\x1b[2J", "w"),
                    ("desk", "   ")):  # fmt: skip
        with pytest.raises(ModelError, match=r"--by|--why"):
            log.use(PICKS[1], audit, WHO, by, why, after=1)
    assert log.state().number == 1
    assert len(audit.search(action=Action.MODEL_CHANGED)) == 1
    log.engine.dispose()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "b", "c", "rollback", "off", "on"]), max_size=14))
def test_the_state_is_that_of_a_plain_stack(
    tmp_path_factory: pytest.TempPathFactory, moves: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, audit = open_log(f"sqlite:///{folder}/s.db", folder)
    stack: list[Pick] = []
    is_on, number = True, 0
    for move in moves:
        try:
            if move in {"off", "on"}:
                log.switch(audit, WHO, "desk", "why", is_on=move == "on")
                assert is_on is not (move == "on")
                is_on = move == "on"
            elif move == "rollback":
                log.rollback(audit, WHO, "desk", "why", after=number)
                stack.pop()
                assert stack
            else:
                pick = PICKS["abc".index(move)]
                log.use(pick, audit, WHO, "desk", "why", after=number)
                assert stack[-1:] != [pick]
                stack.append(pick)
            number += 1
        except ModelError:
            refused = {"off": not is_on, "on": is_on, "rollback": len(stack) < 2}
            assert refused[move] if move in refused else stack[-1] == PICKS["abc".index(move)]
        expected = InService(
            stack[-1] if stack else None, stack[-2] if len(stack) > 1 else None, is_on, number
        )
        assert log.state() == expected
    assert log.verify(audit) == []
    log.engine.dispose()


def test_of_writers_at_once_one_has_its_way(database_url: str, tmp_path: Path) -> None:
    log, audit = open_log(database_url, tmp_path)
    log.use(PICKS[0], audit, WHO, "desk", "why", after=0)
    done, refused = [], []

    def change(pick: Pick) -> None:
        try:
            done.append(log.use(pick, audit, WHO, "desk", "why", after=1))
        except ModelError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=change, args=(PICKS[1 + n % 2],)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(done), len(refused)) == (1, 5)
    assert log.state().number == 2
    assert log.verify(audit) == []
    log.engine.dispose()


def test_releases_from_before_the_audit_log_begins_are_no_fault(database_url: str, tmp_path: Path) -> None:
    log, audit = open_log(database_url, tmp_path)
    for after, pick in enumerate(PICKS):
        log.use(pick, audit, WHO, "desk", "why", after=after)
    pruned_at = audit.now()
    log.switch(audit, WHO, "desk", "why", is_on=False)
    with log.writer.begin() as connection:
        assert audit.prune(connection, WHO, pruned_at) == len(PICKS)
    assert (log.verify(audit), audit.verify().faults) == ([], ())
    log.switch(audit, WHO, "desk", "why", is_on=True)
    assert log.verify(audit) == []
    # What is told of by the log that is left has to be there, and nothing else from since then.
    with log.writer.begin() as connection:
        entry = next(one for one in log.entries() if one.seq == 4)
        changed = {**vars(entry), "released_by": "somebody"}
        values = {"released_by": "somebody", "sha256": type(entry)(**changed).digest()}
        connection.execute(update(release_entry).where(release_entry.c.seq == 4).values(values))
    assert log.verify(audit) != []
    log.engine.dispose()


@pytest.mark.parametrize("harm", ["why", "sha256", "gone", "inserted", "audit gone"])
def test_edits_are_found(database_url: str, tmp_path: Path, harm: str) -> None:
    log, audit = open_log(database_url, tmp_path)
    for after, pick in enumerate(PICKS):
        log.use(pick, audit, WHO, "desk", "why", after=after)
    with log.writer.begin() as connection:
        second = release_entry.c.seq == 2
        if harm == "why":
            connection.execute(update(release_entry).where(second).values(why="another"))
        elif harm == "sha256":
            # Altered, with a hash that fits: the audit log has the one that was written.
            entry = next(one for one in log.entries() if one.seq == 2)
            changed = {**vars(entry), "released_by": "somebody"}
            digest = type(entry)(**changed).digest()
            values = {"released_by": "somebody", "sha256": digest}
            connection.execute(update(release_entry).where(second).values(values))
        elif harm == "gone":
            connection.execute(release_entry.delete().where(second))
        elif harm == "inserted":
            entry = next(one for one in log.entries() if one.seq == 3)
            made = type(entry)(**{**vars(entry), "seq": 4})
            connection.execute(release_entry.insert().values({**vars(made), "sha256": made.digest()}))
        else:
            connection.execute(audit_entry.delete())
            connection.execute(audit_head.delete())
    assert log.verify(audit) != []
    log.engine.dispose()
