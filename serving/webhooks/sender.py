"""Sending one event: signed as Standard Webhooks has it, to a checked address, in bounded time, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass

from serving.webhooks.address import AddressRefused, Networks, Target
from serving.webhooks.seal import secret_bytes

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 15.0
"""After it a receiver that has not answered, or only in part, has not taken the event."""
_GONE = 410


@dataclass(frozen=True)
class Sent:
    """What became of an attempt: a code for the operator. Nothing of what the receiver said is kept."""

    code: str
    is_taken: bool = False
    is_gone: bool = False


def sign(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """The signature header: over id, time and body, with the receiver's secret."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Sender:
    """Sends to the addresses that `networks` allows. Threads may share it."""

    def __init__(self, networks: Networks, attempt_seconds: float = ATTEMPT_SECONDS) -> None:
        self.networks = networks
        self.attempt_seconds = attempt_seconds
        self._tls = ssl.create_default_context()

    def send(self, url: str, secret: str, event_id: str, timestamp: int, body: bytes) -> Sent:
        """One attempt. A redirect is followed nowhere: it is no answer of 2xx."""
        try:
            target = self.networks.find_target(url)
        except AddressRefused as refused:
            return Sent(refused.code)
        headers = {
            "Host": target.host_header,
            "Content-Type": "application/json",
            "User-Agent": "fangfan-webhooks/1",
            "webhook-id": event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secret, event_id, timestamp, body),
        }
        connection = _Connection(target, self._tls)
        # Each read of a drop a second would be in time; the whole is not.
        clock = threading.Timer(self.attempt_seconds, connection.cut)
        clock.daemon = True
        clock.start()
        try:
            connection.request("POST", target.path, body, headers)
            status = connection.getresponse().status
        except ssl.SSLError:
            return Sent("timed_out" if connection.is_cut else "tls_failed")
        except TimeoutError:
            return Sent("timed_out")
        except ConnectionRefusedError:
            return Sent("refused")
        except (OSError, http.client.HTTPException, ValueError):
            return Sent("timed_out" if connection.is_cut else "no_answer")
        finally:
            clock.cancel()
            connection.close()
        return Sent(f"status_{status}", is_taken=200 <= status < 300, is_gone=status == _GONE)


class _Connection(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever its name means by now."""

    def __init__(self, target: Target, tls: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._target = target
        self._tls = tls
        self.is_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._target.address, self._target.port), CONNECT_SECONDS)
        self.sock = plain
        if self._target.is_tls:
            # Its socket takes the place of the plain one before it shakes hands, so that it can be cut.
            self.sock = wrapped = self._tls.wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            wrapped.do_handshake()
        self.sock.settimeout(ATTEMPT_SECONDS)

    def cut(self) -> None:
        """End the attempt from another thread."""
        self.is_cut = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                self.sock.close()
