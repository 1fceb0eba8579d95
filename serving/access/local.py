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
    client = request.scope.get("client")
    is_direct = client is not None and is_loopback(client[0])
    hosts, origins = [], []
    for name, value in request.scope["headers"]:
        if name == b"host":
            hosts.append(value.decode("latin-1"))
        elif name == b"origin":
            origins.append(value.decode("latin-1"))
        elif name in _FORWARDED:
            is_direct = False
    is_here = is_direct and len(hosts) == 1 and is_loopback(host_name(hosts[0]))
    # Programs say no origin, browsers that of the page which sends.
    if not is_here or any(one != f"http://{hosts[0].lower()}" for one in origins):
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
