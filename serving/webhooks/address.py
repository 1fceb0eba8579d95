"""Where a webhook may go: to public addresses over TLS, and to private ones that the operator named.

A name is resolved once for each attempt and the connection is made to the address that was checked, so that
a name that means another machine a moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from serving.errors import ServingError, SettingsError

MOST_CHARACTERS = 2_000
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_PUBLIC = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out for use among networks (RFC 4291); what lies outside is somebody's own, or
leads to an IPv4 address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressRefused(ServingError):
    """An address that nothing is sent to; `code` says why in a word."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


@dataclass(frozen=True)
class Target:
    """A checked URL, and the address that its name meant."""

    is_tls: bool
    host: str
    port: int
    path: str
    address: str

    @property
    def host_header(self) -> str:
        """The host as HTTP says it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


@dataclass(frozen=True)
class Networks:
    """The private networks that webhooks may go to."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def read(cls, text: str) -> Networks:
        """From ``10.1.0.0/16,127.0.0.1/32``; raises `SettingsError` where it is no such list."""
        try:
            return cls(tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip()))
        except ValueError:
            raise SettingsError(
                "FANGFAN_WEBHOOK_NETWORKS: give networks such as 10.1.0.0/16,127.0.0.1/32, divided by commas"
            ) from None

    def allows(self, address: Address) -> bool:
        """Whether something may be sent to an address."""
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return self.allows(address.ipv4_mapped)
            if address.sixtofour or address.teredo or address in _TRANSLATED:
                # They lead to an IPv4 address that is not checked here.
                return False
        if any(address in one for one in self.allowed):
            return True
        if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC:
            return False
        return address.is_global and not address.is_multicast

    def find_target(self, url: str) -> Target:
        """The target of a URL now; raises `AddressRefused`, also where the name means nothing."""
        is_tls, host, port, path = parse_url(url)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AddressRefused(
                "name_not_found", "the webhook's host has a name without an address"
            ) from None
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not addresses or not all(self.allows(one) for one in addresses):
            raise AddressRefused(
                "address_not_allowed",
                "the webhook's host is in a private network: name that in FANGFAN_WEBHOOK_NETWORKS, if "
                "alerts may go there",
            )
        if not is_tls and not all(one.is_loopback for one in addresses):
            raise AddressRefused("not_https", "give an https address; http is for this machine alone")
        return Target(is_tls, host, port, path, str(addresses[0]))


def parse_url(url: str) -> tuple[bool, str, int, str]:
    """Whether it is TLS, the host, the port and the path with its query; raises `AddressRefused`."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > MOST_CHARACTERS:
        raise AddressRefused("malformed", "give a URL of at most 2,000 ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("malformed", "give a URL such as https://platform.example/alerts") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise AddressRefused("not_https", "give an https address such as https://platform.example/alerts")
    if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        raise AddressRefused("malformed", "give a URL without a user, a password or a fragment")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return is_tls, parts.hostname, port or (443 if is_tls else 80), path
