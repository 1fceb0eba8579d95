"""Commands of whoever keeps the copies: make one, check one, put one back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from serving.command import AsJson, AuditKeyFile, DatabaseOption

if TYPE_CHECKING:
    from serving.backup.checking import Checked
    from serving.backup.restoring import Restored
    from serving.settings import Settings

From = Annotated[Path, typer.Option("--from", help="Archive that `backup` made", exists=True, dir_okay=False)]
Passphrase = Annotated[
    Path | None,
    typer.Option(
        "--audit-key-passphrase-file", help="File of the passphrase that the audit key is sealed with"
    ),
]
PgBin = Annotated[Path | None, typer.Option("--pg-bin", help="Folder of pg_dump, if not in PATH")]


def backup(
    to: Annotated[Path, typer.Option(help="Folder for the archive; for the service's user alone")],
    database: DatabaseOption,
    keep: Annotated[
        int | None, typer.Option(help="Delete older archives of the folder beyond so many", min=1)
    ] = None,
    audit_key_file: AuditKeyFile = None,
    passphrase_file: Passphrase = None,
    pg_bin: PgBin = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database and the files of jobs while the service runs, and check the copy.

    The archive holds what the database holds: keep it like the database. The audit key is left out unless a
    passphrase is given; keep its copy elsewhere. The model is named, not copied.
    """
    from serving.backup.key_copy import read_passphrase
    from serving.backup.making import Order, make_backup

    settings = _settings(database, audit_key_file)
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    with _progress() as tell:
        order = Order(settings, _read_key(settings), passphrase, pg_bin)
        path, checked = make_backup(order, to, tell, keep=keep)
    if as_json:
        print(json.dumps({"archive": str(path), **checked.as_json()}, ensure_ascii=False))
        return
    rows = sum(checked.manifest.contents.counts.values())
    print(f"{path}: {rows:,} rows and {len(checked.manifest.files) - 1} other files, checked")
    _tell_unchecked(checked)


def verify_backup(
    archive: From,
    database: Annotated[str | None, typer.Option(envvar="FANGFAN_DATABASE_URL", hidden=True)] = None,
    audit_key_file: AuditKeyFile = None,
    scratch_database: Annotated[
        str | None, typer.Option(help="Empty PostgreSQL database that a dump is put into; it stays filled")
    ] = None,
    pg_bin: PgBin = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup into a scratch place beside it and check all of it; exit code 1 where it is at fault."""
    from serving.backup.checking import check_backup

    key = _read_key(_settings(database or "sqlite:///none", audit_key_file))
    with _progress() as tell:
        checked = check_backup(archive, key, tell, scratch_database=scratch_database, programs=pg_bin)
    if as_json:
        print(json.dumps(checked.as_json(), ensure_ascii=False))
    else:
        print(f"{archive.name} of {checked.manifest.made_at}: {len(checked.faults) or 'no'} faults")
        for one in checked.faults:
            print(f"- {one}")
        _tell_unchecked(checked)
    if checked.faults:
        raise typer.Exit(1)


def restore(
    archive: From,
    database: DatabaseOption,
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Put it where a database is; what was there is kept aside")
    ] = False,
    audit_key_file: AuditKeyFile = None,
    passphrase_file: Passphrase = None,
    pg_bin: PgBin = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup back. The service and its workers must be stopped; the log notes that it was done."""
    from serving.backup.key_copy import read_passphrase
    from serving.backup.restoring import restore as put_back

    settings = _settings(database, audit_key_file)
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    with _progress() as tell:
        made = put_back(archive, settings, tell, replace=is_replacing, passphrase=passphrase, programs=pg_bin)
    if as_json:
        told = {
            "made_at": made.manifest.made_at, "rows": made.manifest.contents.counts,
            "aside": [str(one) for one in made.aside], "is_outdated": made.is_outdated,
            "model_version": made.manifest.model_version, "erased_since": made.erased_since,
            "erased_back": made.erased_back,
        }  # fmt: skip
        print(json.dumps(told, ensure_ascii=False))
        return
    model = made.manifest.model_version or "not named"
    print(f"everything is as of {made.manifest.made_at}; the model was {model}")
    for one in made.aside:
        print(f"what was there before is in {one}")
    if made.is_outdated:
        print("its revision is older than this version: run `python -m serving migrate`")
    print(
        "keys revoked and accounts locked or removed since then are back: do these again before the service "
        "starts (docs/how-to/run-the-service.md)"
    )
    _tell_erased(made)


def _settings(database: str, audit_key_file: Path | None) -> Settings:
    from serving.settings import Settings

    return Settings.of_command(database, audit_key_file=audit_key_file)


def _read_key(settings: Settings) -> bytes | None:
    """The audit key, if it is there; none is made here."""
    from serving.access.audit_key import load_audit_key

    path = settings.audit_key_path
    return load_audit_key(path, is_begun=True) if path.exists() else None


def _tell_erased(made: Restored) -> None:
    print(
        "households erased since then are back, but for their identities, whose keys are not in a backup: "
        "erase them again before the service starts. `python -m serving identity verify-erasure PROOF` ends "
        "with 1 for every proof of an erasure that has to be made again"
    )
    match made.erased_since:
        case None:
            print("there is no log in this place that tells how many: go through all proofs since then")
        case 0:
            print("the logs in this place tell of none")
        case count:
            print(f"the logs in this place tell of {count}")
            if made.erased_back is None:
                print("whose they are can be said of this version's database, with its audit key, alone")
            elif not made.erased_back:
                print("none of their households is stored again")
            else:
                print("stored again are:")
                for one in made.erased_back:
                    print(f"- {one}")


def _tell_unchecked(checked: Checked) -> None:
    for one in checked.unchecked:
        print(f"not checked: {one}")
    for number in checked.manifest.jobs_without_files:
        print(f"job {number}: its files went while the copy was made; put back, it will fail")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A line on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda step, done, total: None
        return
    with console.status("begin") as line:
        yield lambda step, done, total: line.update(f"{step} {done}/{total}" if total else step)
