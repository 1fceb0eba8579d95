"""Erasure: a household's key is destroyed, its rows are deleted, its assessments let go of it; and the proof.

With the assessments goes what was sent of it or waits to be: nobody is told of a household that was erased.

Destroying the key is what reaches the copies of the database (crypto-shredding). It happens inside the
transaction that deletes the rows and logs it, before that is committed: there is no acknowledged erasure with
a key left, and one that was interrupted is repeated. PIPL art. 47 asks for erasure when the purpose is
fulfilled, consent is withdrawn or the time of keeping is over.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from serving.access import Caller
from serving.bulk.folders import write_safely
from serving.errors import IdentityError
from serving.identity.case_erasure import NAMING, count_casework, remove_casework, rename_casework
from serving.identity.sent_erasure import SENT, count_sent, households_of, remove_sent
from serving.identity.store import IdentityStore, lock
from serving.identity.vault import ids_of
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.columns import IS_SQLITE
from serving.storage.database import purge
from serving.storage.tables import assessment, idempotency_key, webhook_delivery
from serving.storage.tables import identity as table

FORMAT = 1
TOUCHED = (table, assessment, *NAMING, *SENT)
"""The tables that an erasure deletes from or changes."""


class Reason(StrEnum):
    """Why a household is erased."""

    PURPOSE_FULFILLED = "purpose_fulfilled"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    KEPT_LONG_ENOUGH = "kept_long_enough"
    UNLAWFUL = "unlawful"
    MISTAKE = "mistake"


class History(StrEnum):
    """What becomes of its assessments and casework; kept alone they keep what was sent of it."""

    PSEUDONYMISED = "pseudonymised"
    REMOVED = "removed"
    KEPT = "kept"


@dataclass(frozen=True)
class Check:
    """One question to a proof: what was asked, and whether it holds (`None`: it could not be asked)."""

    name: str
    holds: bool | None
    told: str


def erase(
    store: IdentityStore, caller: Caller, household_id: str, reason: Reason, history: History, proof: Path
) -> dict[str, Any]:
    """Erase a household everywhere and write the proof of it, which is answered.

    Raises `IdentityError` where nothing is stored of it, or a file is at `proof` already; `StorageError`
    where the bytes could not be purged, after the erasure itself was done.
    """
    if proof.exists():
        raise IdentityError(
            "--proof: there is a file already, which may prove another erasure: give a new name"
        )
    subject = store.audit.household(household_id)
    try:
        with store.writer.begin() as connection:
            lock(connection)
            rows = connection.execute(select(table).where(table.c.household_id == household_id)).all()
            assessed = connection.execute(
                select(assessment).where(assessment.c.household_id == household_id).order_by(assessment.c.id)
            ).all()
            casework, sent = count_casework(connection, household_id), count_sent(connection, household_id)
            if not rows and not assessed and not casework and not sent:
                raise IdentityError("nothing is stored of this household: check its key")
            keys = sorted(ids_of(rows))
            connection.execute(delete(table).where(table.c.household_id == household_id))
            _let_go(connection, household_id, assessed, history)
            seq, sha256 = store.audit.append(
                connection, caller, Action.IDENTITY_ERASED, [subject], Outcome.DONE
            )
            made = {
                "format": FORMAT,
                "erased_at": store.now().isoformat(timespec="seconds"),
                "household_hmac": subject,
                "reason": reason.value,
                "identity_rows": len(rows),
                "identity_sha256": _digest([one.ciphertext.hex() for one in rows]),
                "key_ids": keys,
                "assessments": len(assessed),
                "assessments_became": history.value,
                "casework_rows": casework,
                "sent_rows": sent,
                "assessments_sha256": _digest([document(one.body) for one in assessed]),
                "audit_seq": seq,
                "audit_sha256": sha256,
            }
            made["seal"] = store.audit.seal(document(made))
            text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
            write_safely(proof, lambda beside: beside.write_text(text, encoding="utf-8"))
            store.destroy(keys)
    except BaseException:
        # It would prove what was not done.
        proof.unlink(missing_ok=True)
        raise
    touched = [(table, True), (assessment, assessed), *((one, casework) for one in NAMING)]
    touched += [(one, sent) for one in SENT]
    purge(store.engine, [one for one, had in touched if had])
    return made


def check_proof(store: IdentityStore, proof: dict[str, Any]) -> list[Check]:
    """Ask again what a proof says. Raises `IdentityError` where it is none."""
    try:
        said = {name: value for name, value in proof.items() if name != "seal"}
        subject, keys = str(proof["household_hmac"]), [str(one) for one in proof["key_ids"]]
        seq, sha256 = int(proof["audit_seq"]), str(proof["audit_sha256"])
        history = History(proof["assessments_became"])
        is_sealed = proof["format"] == FORMAT and secrets.compare_digest(
            store.audit.seal(document(said)), str(proof["seal"])
        )
    except (KeyError, TypeError, ValueError):
        raise IdentityError("the proof is not one that `python -m serving identity erase` wrote") from None
    with store.engine.connect() as connection:
        named = find_named(connection, store.audit, {subject})
    is_logged = store.audit.has(seq, sha256, Action.IDENTITY_ERASED, subject)
    left = set(keys) & store.vault.data_keys.ids()
    return [
        Check("seal", is_sealed, "the proof is as it was written, with this audit key"),
        Check("log", is_logged, f"entry {seq} of the audit log tells of it"),
        Check("keys", not left, f"none of {len(keys)} keys is in the key store"),
        Check("identity", not named[table.name], "no identity of the household is stored"),
        Check(
            "assessments",
            None if history is History.KEPT else not named[assessment.name],
            "no assessment names the household",
        ),
        Check(
            "casework",
            None if history is History.KEPT else not any(named[one.name] for one in NAMING),
            "no lead, case, visit, correction or list names the household, and no run without a score for it",
        ),
        Check(
            "outbox",
            None if history is History.KEPT else not named[webhook_delivery.name],
            "no event of the outbox tells of the household",
        ),
        Check(
            "answers",
            None if history is History.KEPT else not named[idempotency_key.name],
            "no answer kept for repeated requests tells of the household",
        ),
        _check_bytes([store.engine, store.vault.data_keys.engine], keys),
    ]


def find_named(connection: Connection, audit: AuditLog, subjects: Collection[str]) -> dict[str, set[str]]:
    """By table, the keys of those households that it tells of. `subjects` are households as the log names
    them."""
    found = {}
    for one in TOUCHED:
        keys = (
            households_of(connection, one)
            if one in SENT
            else connection.execute(select(one.c.household_id).distinct()).scalars()
        )
        found[one.name] = {key for key in keys if audit.household(key) in subjects}
    return found


def document(value: Any) -> str:
    """A document as one text, the same for the same content."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def files_of(engine: Engine) -> list[Path]:
    """The files that a SQLite database consists of; none of a server's."""
    if engine.dialect.name != IS_SQLITE or not engine.url.database:
        return []
    whole = Path(engine.url.database)
    return [one for one in (whole, Path(f"{whole}-wal"), Path(f"{whole}-journal")) if one.is_file()]


def _let_go(connection: Connection, household_id: str, rows: Sequence[Row[Any]], history: History) -> None:
    if history is not History.KEPT:
        remove_sent(connection, household_id)
    if history is History.REMOVED:
        remove_casework(connection, household_id)
        for row in rows:
            connection.execute(delete(assessment).where(assessment.c.id == row.id))
    elif history is History.PSEUDONYMISED:
        # Random, and written down nowhere: the series stays one, and nobody's.
        pseudonym = f"E-{secrets.token_hex(12)}"
        for row in rows:
            values = {"household_id": pseudonym, "body": {**row.body, "household_id": pseudonym}}
            connection.execute(update(assessment).where(assessment.c.id == row.id).values(values))
        rename_casework(connection, household_id, pseudonym)


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _check_bytes(engines: Sequence[Engine], keys: Sequence[str]) -> Check:
    """Whether the ids of the destroyed keys, which stood in every row, are in no file any more."""
    files = [one for engine in engines for one in files_of(engine)]
    told = f"no trace of the keys is in {len(files)} files"
    if not files:
        return Check("bytes", None, "the files are a server's, and were not read")
    patterns = [one.encode() for one in keys]
    return Check("bytes", not any(_holds(one, patterns) for one in files), told)


def _holds(path: Path, patterns: Sequence[bytes]) -> bool:
    longest = max(map(len, patterns), default=1)
    rest = b""
    with path.open("rb") as file:
        while part := file.read(1 << 22):
            rest += part
            if any(one in rest for one in patterns):
                return True
            rest = rest[-longest:]
    return False
