"""Erasure: what is gone, from which files, what copies still know, and a proof that is asked again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.access.purpose import Purpose
from serving.errors import IdentityError, Problem, StorageError
from serving.identity import IdentityStore, Kind, Person
from serving.identity.data_keys import DataKeys
from serving.identity.erasure import History, Reason, check_proof, erase, files_of
from serving.identity.rotation import count_unreadable
from serving.identity.vault import Vault
from serving.storage import AssessmentStore, open_database
from serving.storage.tables import assessment
from serving.storage.tables import identity as table
from tests.serving.casework.county import silent_statement
from tests.serving.identity.conftest import (
    BESIDE,
    CHILD,
    FAR,
    HELPER,
    HERE,
    OTHER,
    PLATFORM,
    ZHANG,
    close,
    make_store,
)
from tests.serving.test_storage import _body

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)


def fill(store: IdentityStore) -> None:
    """Two households; the one to be erased is known in two areas and assessed twice."""
    assessments = AssessmentStore(store.engine)
    assessments.save_release("m", "0" * 64, 12)
    assessments.save([_body("H-GONE"), _body("H-STAYS")], [HERE, HERE], Scope(HERE))
    assessments.save([_body("H-GONE")], [FAR], Scope(FAR))
    store.put(PLATFORM, "H-GONE", HERE, [ZHANG, CHILD])
    store.put(OTHER, "H-GONE", FAR, [ZHANG])
    store.put(PLATFORM, "H-STAYS", HERE, [Person("head", {Kind.NAME: "李四"})])


def erase_it(
    store: IdentityStore, proof: Path, history: History = History.PSEUDONYMISED
) -> dict[str, object]:
    return erase(store, OPERATOR, "H-GONE", Reason.CONSENT_WITHDRAWN, history, proof)


def households(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(assessment.c.household_id).order_by(assessment.c.id)).scalars())


def holds(store: IdentityStore, proof: dict[str, object]) -> dict[str, bool | None]:
    return {one.name: one.holds for one in check_proof(store, proof)}


@pytest.mark.parametrize("history", History)
def test_nothing_names_the_household_any_more(store: IdentityStore, tmp_path: Path, history: History) -> None:
    fill(store)
    is_sqlite = store.engine.dialect.name == "sqlite"
    made = erase_it(store, tmp_path / "proof.json", history)
    assert json.loads((tmp_path / "proof.json").read_text()) == made
    assert (made["identity_rows"], made["assessments"]) == (9, 2)
    assert "H-GONE" not in json.dumps(made)
    assert store.find(PLATFORM, "H-GONE") is None
    assert store.reveal(HELPER, "H-STAYS", Purpose.VISIT) is not None
    left = households(store.engine)
    match history:
        case History.KEPT:
            assert sorted(left) == ["H-GONE", "H-GONE", "H-STAYS"]
        case History.REMOVED:
            assert left == ["H-STAYS"]
        case History.PSEUDONYMISED:
            # One series still, and nobody's: also in what the assessment itself says.
            assert len(left) == 3
            (pseudonym,) = set(left) - {"H-STAYS"}
            assert pseudonym.startswith("E-")
            with store.engine.connect() as connection:
                bodies = connection.execute(select(assessment.c.body).order_by(assessment.c.id)).scalars()
                assert [one["household_id"] for one in bodies] == left
    assert holds(store, made) == {
        "seal": True, "log": True, "keys": True, "identity": True,
        "assessments": None if history is History.KEPT else True, "bytes": True,
        **dict.fromkeys(("casework", "outbox", "answers"), None if history is History.KEPT else True),
    }  # fmt: skip
    assert len(store.audit.search(household_id="H-GONE")) == 4
    assert store.audit.verify().faults == ()
    assert is_sqlite == bool(files_of(store.engine))


def test_a_proof_tells_of_runs_that_knew_nothing_of_the_household(
    store: IdentityStore, tmp_path: Path
) -> None:
    fill(store)
    assessments = AssessmentStore(store.engine)
    silent = silent_statement("H-GONE", dt.date(2026, 11, 20))
    assessments.save([silent], [HERE], Scope(HERE))
    made = erase_it(store, tmp_path / "proof.json", History.REMOVED)
    assert made["casework_rows"] == 1

    def told() -> tuple[bool | None, str]:
        (found,) = (one for one in check_proof(store, made) if one.name == "casework")
        return found.holds, found.told

    holds_so, said = told()
    assert holds_so
    assert "no run without a score" in said
    # A batch that still has the household in its files says it again.
    assessments.save([silent], [HERE], Scope(HERE))
    assert told() == (False, said)


def test_the_bytes_are_gone_from_the_files(tmp_path: Path) -> None:
    store = make_store(f"sqlite:///{tmp_path}/scores.db", f"sqlite:///{tmp_path}/keys.db")
    fill(store)
    with store.engine.connect() as connection:
        rows = connection.execute(select(table).where(table.c.household_id == "H-GONE")).all()
        wrapped = store.vault.data_keys.engine.connect()
        keys = wrapped.exec_driver_sql("SELECT id, wrapped FROM data_key").all()
        wrapped.close()
    of_it = {one.key_id for one in rows}
    trace = [
        b"H-GONE",
        *(one.ciphertext for one in rows),
        *(one.lookup.encode() for one in rows if one.lookup),
    ]
    trace += [one.encode() for one in of_it] + [one[1] for one in keys if one[0] in of_it]

    def found() -> int:
        content = b"".join(
            one.read_bytes() for one in sorted(tmp_path.iterdir()) if one.name.startswith(("scores", "keys"))
        )
        return sum(one in content for one in trace)

    assert found() == len(trace)
    made = erase_it(store, tmp_path / "proof")
    # In the database, its log, the key store and its log; the service itself is still running on them.
    assert found() == 0
    # A trace that somebody puts back is found.
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE note AS SELECT '{min(of_it)}' AS text")
    assert holds(store, made)["bytes"] is False
    close(store)


def test_copies_of_the_database_lose_it_as_well(tmp_path: Path) -> None:
    store = make_store(f"sqlite:///{tmp_path}/scores.db", f"sqlite:///{tmp_path}/keys.db")
    fill(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{tmp_path}/copy.db'")
    erase_it(store, tmp_path / "proof")
    copy = open_database(f"sqlite:///{tmp_path}/copy.db")
    restored = IdentityStore(
        copy, store.audit, Vault(DataKeys(store.vault.data_keys.engine, store.vault.ring))
    )
    # The copy has all ten rows; the nine of the household open no more, with every key there is.
    assert count_unreadable(restored) == (10, 9)
    copy.dispose()
    close(store)


def test_an_erasure_that_fails_proves_nothing_and_is_repeated(
    store: IdentityStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    proof = tmp_path / "proof"
    with monkeypatch.context() as patch:
        patch.setattr(DataKeys, "destroy", lambda *_: (_ for _ in ()).throw(StorageError("no")))
        with pytest.raises(StorageError):
            erase_it(store, proof)
    assert not proof.exists()
    assert store.reveal(HELPER, "H-GONE", Purpose.VISIT) is not None
    assert households(store.engine).count("H-GONE") == 2
    # Killed after the keys were destroyed and before the rows were gone.
    destroy = DataKeys.destroy

    def die(self: DataKeys, ids: list[str]) -> int:
        destroy(self, ids)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DataKeys, "destroy", die)
        with pytest.raises(KeyboardInterrupt):
            erase_it(store, proof)
    assert not proof.exists()
    with pytest.raises(Problem, match="identity_unreadable"):
        store.find(PLATFORM, "H-GONE")
    made = erase_it(store, proof)
    assert holds(store, made)["keys"] is True
    assert store.find(PLATFORM, "H-GONE") is None


def test_a_proof_is_asked_and_not_believed(store: IdentityStore, tmp_path: Path) -> None:
    fill(store)
    made = erase_it(store, tmp_path / "proof")
    for name, value in (
        ("identity_rows", 8),
        ("key_ids", []),
        ("reason", "mistake"),
        ("seal", "0" * 64),
        ("format", 2),
    ):
        assert holds(store, {**made, name: value})["seal"] is False
    assert holds(store, {**made, "audit_seq": 1})["log"] is False
    for broken in (
        {},
        {**made, "key_ids": 3},
        {**made, "audit_seq": "x"},
        {**made, "assessments_became": "?"},
    ):
        with pytest.raises(IdentityError, match="not one that"):
            check_proof(store, broken)
    store.put(PLATFORM, "H-GONE", BESIDE, [CHILD])
    AssessmentStore(store.engine).save([_body("H-GONE")], [HERE])
    again = holds(store, made)
    assert (again["identity"], again["assessments"], again["seal"]) == (False, False, True)


def test_what_is_not_there_and_what_would_be_overwritten(store: IdentityStore, tmp_path: Path) -> None:
    fill(store)
    with pytest.raises(IdentityError, match="nothing is stored"):
        erase(store, OPERATOR, "H-NOBODY", Reason.MISTAKE, History.REMOVED, tmp_path / "new")
    assert list(tmp_path.glob("new*")) == []
    (tmp_path / "proof").write_text("of another")
    with pytest.raises(IdentityError, match="a file already"):
        erase_it(store, tmp_path / "proof")
    assert (tmp_path / "proof").read_text() == "of another"
    shutil.rmtree(tmp_path / "nowhere", ignore_errors=True)
    with pytest.raises(OSError, match="nowhere"):
        erase_it(store, tmp_path / "nowhere" / "proof")
    assert store.find(PLATFORM, "H-GONE") is not None
