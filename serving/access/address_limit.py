"""How often one address may try to sign in and fail: a bucket of tries that fills up again."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_FAILURES = 30
FILL_SECONDS = 300.0
"""A bucket is full again after so long. An office of many people may share one address."""
MOST_ADDRESSES = 10_000


class AddressLimit:
    """The buckets of one process. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # The tries that are used up, and when that was worked out; the latest address last.
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> int:
        """Use up a try: 0, or how many seconds to wait where there is none left."""
        network, used = self._look(address)
        if used + 1 > MOST_FAILURES:
            return math.ceil((used + 1 - MOST_FAILURES) * FILL_SECONDS / MOST_FAILURES)
        self._put(network, used + 1)
        return 0

    def give_back(self, address: str) -> None:
        """The try was none: the person signed in."""
        network, used = self._look(address)
        self._put(network, max(0.0, used - 1))

    def _look(self, address: str) -> tuple[str, float]:
        network = network_of(address)
        used, at = self._used.get(network, (0.0, 0.0))
        return network, max(0.0, used - (self._now() - at) * MOST_FAILURES / FILL_SECONDS)

    def _put(self, network: str, used: float) -> None:
        self._used[network] = (used, self._now())
        self._used.move_to_end(network)
        if len(self._used) > MOST_ADDRESSES:
            self._used.popitem(last=False)


def network_of(address: str) -> str:
    """What one subscriber has: an address of IPv4, or 64 bits of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
