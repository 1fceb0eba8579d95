"""Commands about identities: their keys, taking them in, encrypting anew, erasing with proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened_log
from serving.errors import IdentityError
from serving.identity.erasure import History, Reason
from serving.identity.suites import Suite

if TYPE_CHECKING:
    from serving.identity.store import IdentityStore

MOST_TOLD = 100
identity = typer.Typer(
    name="identity",
    help="Names, ID numbers and phones: their keys, import, rotation, erasure.",
    no_args_is_help=True,
)
errors = Console(stderr=True)

KeysFile = Annotated[
    Path | None,
    typer.Option("--keys", envvar="FANGFAN_IDENTITY_KEYS_FILE", help="Key ring, if not beside the jobs"),
]
KeyStore = Annotated[
    str | None,
    typer.Option(
        envvar="FANGFAN_IDENTITY_KEY_STORE", help="Database of households' keys, if not beside the jobs"
    ),
]


@identity.command()
def new_key(
    database: DatabaseOption,
    suite: Annotated[
        Suite, typer.Option(help="aes-256-gcm with HMAC-SHA-256, or sm4-gcm with HMAC-SM3")
    ] = Suite.AES_256_GCM,
    keys_file: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the key ring, or a new version of it, which rows take from then on.

    Services read it when they start.
    Keep a copy apart from the database's: without the ring no identity opens.
    """
    from serving.identity.keyring import hold_ring, load_ring, new_ring, save_ring
    from serving.settings import Settings

    path = Settings.of_command(database, identity_keys_file=keys_file).identity_keys_path
    with hold_ring(path):
        ring = load_ring(path).with_new(suite) if path.exists() else new_ring(suite)
        save_ring(ring, path)
    if as_json:
        print(json.dumps({"version": ring.current.number, "suite": suite.value, "file": str(path)}))
        return
    print(f"version {ring.current.number} ({suite.value}) is current in {path}")
    if len(ring.versions) > 1:
        errors.print("Restart the service, then run `python -m serving identity rotate`.", highlight=False)


@identity.command()
def retire_key(
    version: Annotated[int, typer.Argument(help="Number of the version")],
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
) -> None:
    """Take a version out of the key ring, once no row has it any more."""
    from serving.identity.keyring import hold_ring, save_ring
    from serving.identity.rotation import versions_in_use
    from serving.settings import Settings

    path = Settings.of_command(database, identity_keys_file=keys_file).identity_keys_path
    with hold_ring(path), _opened(database, audit_key_file, keys_file, key_store) as store:
        ring = store.vault.ring.without(version)
        if version in versions_in_use(store):
            raise IdentityError(
                f"rows have version {version} still: run `python -m serving identity rotate` first"
            )
        save_ring(ring, path)
    print(f"version {version} is gone from the key ring; delete its copies as well")


@identity.command()
def rotate(
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt everything anew under the current version of the key ring, while the service runs.

    A rotation that was stopped goes on where it was. Identities are readable all the time.
    """
    from serving.identity.rotation import rotate as rotate_all

    with _opened(database, audit_key_file, keys_file, key_store) as store, _progress(as_json) as tell:
        made = rotate_all(store, tell)
    if as_json:
        print(json.dumps(vars(made)))
    else:
        print(f"{made.households} households encrypted anew, {made.keys_destroyed} keys destroyed")


@identity.command()
def check(
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Open every value and count those that do not. Exit code 1 where there are any."""
    from serving.identity.rotation import count_unreadable

    with _opened(database, audit_key_file, keys_file, key_store) as store:
        rows, unreadable = count_unreadable(store)
    if as_json:
        print(json.dumps({"rows": rows, "unreadable": unreadable}))
    else:
        print(f"{rows} values, {unreadable or 'none'} of them unreadable")
        if unreadable:
            print("Put the key store's and the key ring's copies back, or send these identities again.")
    raise typer.Exit(1 if unreadable else 0)


@identity.command("import")
def import_file(
    source: Annotated[Path, typer.Argument(help=".csv, .xlsx or .parquet")],
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Take identities in from a table.

    Columns: household_id, village_code, person_id (head if empty), name, id_number, phone, address.
    Sound rows are kept whatever the others are; a value is never told. Exit code 1 where rows were refused.
    """
    from serving.identity.importing import import_identities

    with _opened(database, audit_key_file, keys_file, key_store) as store, _progress(as_json) as tell:
        made = import_identities(store, OPERATOR, source, progress=tell)
    told = {
        "rows_in": made.rows_in, "rows_accepted": made.rows_accepted, "rows_refused": made.rows_refused,
        "households_changed": made.households_changed,
    }  # fmt: skip
    if as_json:
        print(json.dumps({**told, "errors": [one.as_json() for one in made.errors]}, ensure_ascii=False))
    else:
        print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items()))
        for one in made.errors[:MOST_TOLD]:
            print(f"- row {one.row}, {one.field}: {one.code}: {one.way_out_zh} / {one.way_out}")
        if len(made.errors) > MOST_TOLD:
            print(f"and {len(made.errors) - MOST_TOLD} more: --json lists all")
    raise typer.Exit(1 if made.rows_refused else 0)


@identity.command()
def erase(
    household: Annotated[str, typer.Option(help="Key of the household")],
    reason: Annotated[Reason, typer.Option(help="Why")],
    proof: Annotated[Path, typer.Option(help="New file for the proof")],
    database: DatabaseOption,
    history: Annotated[
        History, typer.Option("--assessments", help="What becomes of the household's assessments")
    ] = History.PSEUDONYMISED,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Erase a household's identity in every area, for good, and write a proof.

    Its key is destroyed, so that copies of the database lose it as well; copies of the key store have to be
    let go of in their own time.
    """
    from serving.identity.erasure import erase as erase_household

    with _opened(database, audit_key_file, keys_file, key_store) as store:
        made = erase_household(store, OPERATOR, household, reason, history, proof)
    if as_json:
        print(json.dumps(made))
    else:
        print(
            f"{made['identity_rows']} values and {len(made['key_ids'])} keys erased, "
            f"{made['assessments']} assessments {history.value}; proof in {proof}"
        )


@identity.command()
def verify_erasure(
    proof: Annotated[Path, typer.Argument(help="File that `identity erase` wrote")],
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask again what a proof says. Exit code 1 where something does not hold."""
    from serving.identity.erasure import check_proof

    try:
        document = json.loads(proof.read_bytes())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise IdentityError("the proof is not one that `python -m serving identity erase` wrote")
    with _opened(database, audit_key_file, keys_file, key_store) as store:
        checks = check_proof(store, document)
    if as_json:
        print(json.dumps({"checks": [vars(one) for one in checks]}))
    else:
        words = {True: "holds", False: "DOES NOT HOLD", None: "not asked"}
        for one in checks:
            print(f"- {one.name}: {words[one.holds]}: {one.told}")
    raise typer.Exit(1 if any(one.holds is False for one in checks) else 0)


@identity.command("purge")
def purge_files(
    database: DatabaseOption,
    keys_file: KeysFile = None,
    key_store: KeyStore = None,
    audit_key_file: AuditKeyFile = None,
) -> None:
    """Rid the database's files of bytes that were deleted; where an erasure could not, because of others."""
    from serving.identity.erasure import TOUCHED
    from serving.storage.database import purge

    with _opened(database, audit_key_file, keys_file, key_store) as store:
        purge(store.engine, TOUCHED)
    print("the files hold what is kept and nothing else")


@contextmanager
def _opened(
    database: str, audit_key_file: Path | None, keys_file: Path | None, key_store: str | None
) -> Iterator[IdentityStore]:
    from serving.identity.opening import open_identities
    from serving.settings import Settings

    settings = Settings.of_command(
        database, audit_key_file=audit_key_file, identity_keys_file=keys_file, identity_key_store=key_store
    )
    with opened_log(settings) as (keys, log):
        log.check_key()
        store = open_identities(keys.engine, log, settings)
        if store is None:
            raise IdentityError(
                f"there is no key ring {settings.identity_keys_path}: run "
                "`python -m serving identity new-key`, or say with --keys where it is"
            )
        try:
            yield store
        finally:
            store.vault.data_keys.engine.dispose()


@contextmanager
def _progress(is_silent: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=errors,
        disable=is_silent or not errors.is_terminal, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("identities", total=None)

        def tell(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield tell
