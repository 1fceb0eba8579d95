"""Access without keys: for this machine alone, so that trying things out takes one command."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from functools import lru_cache

from starlette.requests import Request

from serving.errors import Problem

_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})


class Access(StrEnum):
    """Whether callers are told apart."""

    KEYS = "keys"
    OPEN = "open"


def check_local(request: Request) -> None:
    """Raise `Problem` unless the request comes from this machine, to its own name and through nobody.

    A page of another site can have its name resolve to this machine, and can send forms to its own name; a
    proxy here can serve other machines.
    """
    client, given = request.scope.get("client"), request.scope["headers"]
    names = [value.decode("latin-1") for name, value in given if name == b"host"]
    is_direct = client is not None and is_loopback(client[0]) and _FORWARDED.isdisjoint(dict(given))
    is_here = is_direct and len(names) == 1 and is_loopback(host_name(names[0]))
    # Programs say no origin, browsers that of the page which sends.
    origins = {value.decode("latin-1") for name, value in given if name == b"origin"}
    if not (is_here and origins <= {f"http://{names[0].lower()}"}):
        raise Problem("not_local")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a name or an address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name of a Host header's value, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
