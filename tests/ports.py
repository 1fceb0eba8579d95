"""Ports of this machine that a test names before anybody listens there, or where nobody ever does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody is given by chance while it is held.

    A service that is told its number may listen there all the same: as servers do, it is bound to be used
    again, and it is only bound. One that is let go of first may be another process's by then.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
