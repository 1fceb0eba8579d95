"""An identity provider of a test: its keys, the tokens it signs, and a server on loopback that hands out its set."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from serving.access.caller import Role
from serving.access.token_rules import TokenRules

ISSUER, AUDIENCE = "https://id.test/realm", "fangfan"
NOW = 1_790_000_000
ROLES = {"platform-role": Role.PLATFORM, "helper-role": Role.HELPER, "model-role": Role.SCIENTIST}


@cache
def rsa_key(kid: str = "rsa-1", bits: int = 2_048) -> RSAKey:
    with warnings.catch_warnings():
        # A weak one is made on purpose.
        warnings.simplefilter("ignore")
        return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


@cache
def ec_key(kid: str = "ec-1", curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve, {"kid": kid})


@cache
def okp_key(kid: str = "okp-1") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


KEYS: dict[str, Callable[[], RSAKey | ECKey | OKPKey]] = {
    "RS256": rsa_key,
    "ES256": ec_key,
    "Ed25519": okp_key,
}


def key_set(*keys: RSAKey | ECKey | OKPKey) -> bytes:
    """The public set of the keys; of all kinds if none are given."""
    shown = keys or tuple(make() for make in KEYS.values())
    return json.dumps({"keys": [one.as_dict(private=False) for one in shown]}).encode()


def rules(keys: str = "unused.json", **more: Any) -> TokenRules:
    return TokenRules(ISSUER, AUDIENCE, keys, ROLES, **more)


def claims(**changes: Any) -> dict[str, Any]:
    """Sound claims with changes; `None` leaves one out."""
    made = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "machine-1", "exp": NOW + 600, "iat": NOW - 5, "nbf": NOW - 5,
        "role": "platform-role", "area": "500999",
    }  # fmt: skip
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def token(
    given: dict[str, Any] | None = None,
    algorithm: str = "RS256",
    key: RSAKey | ECKey | OKPKey | None = None,
    **header: Any,
) -> str:
    key = key or KEYS[algorithm]()
    said = {"alg": algorithm, "kid": key.kid, **header}
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(
        {name: value for name, value in said.items() if value is not None},
        given or claims(), key, registry=registry,
    )  # fmt: skip


def raw_token(header: bytes, payload: bytes, signature: bytes = b"x") -> str:
    """A token of any bytes."""
    return ".".join(
        base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in (header, payload, signature)
    )


@contextmanager
def run_provider(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers with `answer`: its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            with suppress(OSError):
                answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/keys?x=1", asked
        finally:
            server.shutdown()


def answer_with(
    body: bytes, status: int = 200, *, length: int | None = None, **headers: str
) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(handler: Any) -> None:
    """Something now and then, for as long as anybody listens: no read of it takes long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(2_000):
        handler.wfile.write(f"X-{n}: y\r\n".encode())
        time.sleep(0.05)


def save(path: Path, document: bytes) -> str:
    path.write_bytes(document)
    return str(path)
