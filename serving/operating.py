"""Commands of an operator: what is done to a database before and beside the service."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serving.errors import StorageError

DatabaseOption = Annotated[
    str,
    typer.Option(
        envvar="FANGFAN_DATABASE_URL",
        help="Database, sqlite:////path/to/file.db or postgresql://user@host/database",
    ),
]


def migrate(
    database: DatabaseOption,
    is_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 where there is something to do")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words")] = False,
) -> None:
    """Bring the database to the form that this version keeps its tables in; all of it or nothing.

    Exit code 0 when it is in order, 1 where --check finds steps to do, 2 for a database that this version
    cannot work with.
    """
    from serving.storage import Form, connect, find_state
    from serving.storage import migrate as bring_up

    if is_check:
        engine = connect(database)
        try:
            state = find_state(engine)
        finally:
            engine.dispose()
    else:
        state = bring_up(database)
    if as_json:
        print(json.dumps(state.as_json()))
    if state.form in {Form.EMPTY, Form.OUTDATED}:
        if not as_json:
            print(
                f"revision {state.revision or 'none'}, {state.wanted} is needed: `python -m serving migrate`"
            )
        raise typer.Exit(1)
    try:
        state.check()
    except StorageError:
        # The object says it already; a sentence beside it would be no JSON.
        if as_json:
            raise typer.Exit(2) from None
        raise
    if not as_json:
        print(f"revision {state.revision}: in order")
