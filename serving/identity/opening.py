"""Opening what identities need: the key ring, the key store, the log; or nothing, where no ring was made."""

from __future__ import annotations

from sqlalchemy import Engine, select

from serving.errors import IdentityError
from serving.identity.data_keys import DataKeys
from serving.identity.keyring import load_ring
from serving.identity.store import Bounds, IdentityStore
from serving.identity.vault import Vault
from serving.settings import Settings
from serving.storage import AuditLog
from serving.storage.tables import identity as table


def open_identities(engine: Engine, audit: AuditLog, settings: Settings) -> IdentityStore | None:
    """The identities of a database; `None` where there is no key ring and nothing is stored.

    Raises `IdentityError` where identities are stored and their ring is missing, or the ring cannot be used,
    and `StorageError` where the key store cannot.
    """
    path = settings.identity_keys_path
    if not path.exists():
        with engine.connect() as connection:
            if connection.execute(select(table.c.key_version).limit(1)).first() is not None:
                raise IdentityError(
                    f"identities are stored and their key ring {path} is missing: put its copy back, or say "
                    "with FANGFAN_IDENTITY_KEYS_FILE where it is"
                )
        return None
    keys = DataKeys.open(settings.identity_store_url, load_ring(path))
    return IdentityStore(
        engine, audit, Vault(keys), Bounds(settings.reveals_per_hour, settings.lookups_per_hour)
    )
