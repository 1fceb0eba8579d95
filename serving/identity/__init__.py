"""Names, ID numbers, phones and addresses: encrypted where they rest, masked wherever they are read."""

from serving.files.rows import ValueRefused
from serving.identity.kinds import Kind
from serving.identity.store import IdentityStore, Person, Record

__all__ = ["IdentityStore", "Kind", "Person", "Record", "ValueRefused"]
