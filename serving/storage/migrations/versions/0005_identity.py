"""Identifiers, encrypted; the purpose of an entry in the log, and finding a caller's entries.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.storage.columns import Instant, Octets, Small, text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "identity",
        sa.Column("household_id", text(64), nullable=False),
        sa.Column("village_code", text(12), nullable=False),
        sa.Column("person_id", text(64), nullable=False),
        sa.Column("kind", text(10), nullable=False),
        sa.Column("ciphertext", Octets, nullable=False),
        sa.Column("nonce", Octets, nullable=False),
        sa.Column("key_id", text(32), nullable=False),
        sa.Column("key_version", Small, nullable=False),
        sa.Column("lookup", text(64)),
        sa.Column("written_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint(
            "household_id", "village_code", "person_id", "kind", name=op.f("pk_identity")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_identity_lookup"), "identity", ["lookup"])
    op.create_index(op.f("ix_identity_key_version"), "identity", ["key_version"])
    op.add_column("audit_entry", sa.Column("purpose", text(20), nullable=False, server_default=""))
    op.create_index(op.f("ix_audit_entry_key_id_action_at"), "audit_entry", ["key_id", "action", "at"])
