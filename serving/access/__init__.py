"""Who may see what: callers, their roles and areas, the policy of every route, and the gate before it."""

from serving.access.caller import OPEN, Caller, Role
from serving.access.scope import EVERYWHERE, NOWHERE, Scope

__all__ = ["EVERYWHERE", "NOWHERE", "OPEN", "Caller", "Role", "Scope"]
