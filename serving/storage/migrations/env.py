"""What Alembic runs: the revisions, on the connection and in the transaction that `migration` hands over."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from serving.storage.columns import Day, Document, Instant
from serving.storage.tables import METADATA


def render_item(kind: str, item: object, autogenerate: AutogenContext) -> str | Literal[False]:
    """How a new revision names the kinds of column of this service."""
    if kind == "type" and isinstance(item, Day | Instant | Document):
        name = type(item).__name__
        autogenerate.imports.add(f"from serving.storage.columns import {name}")
        return f"{name}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite changes a table by making it anew.
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,
)
context.run_migrations()
