"""Where a browser's request comes from: pages of this service alone may change anything with its cookie."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from serving.access.local import host_name, is_loopback
from serving.errors import Problem, SettingsError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = ("same-origin", "none")


@dataclass(frozen=True)
class Origin:
    """The address that browsers know the service by; without one, any loopback name that they use."""

    address: str | None = None

    def __post_init__(self) -> None:
        if self.address is None:
            return
        try:
            parts = urlsplit(self.address)
            is_origin = self.address == f"{parts.scheme}://{parts.netloc}" and bool(parts.hostname)
            host = parts.hostname or ""
            # Read for what it refuses: a port that is no number.
            is_origin = is_origin and "@" not in parts.netloc and (parts.port or 1) > 0
        except ValueError:
            is_origin, host = False, ""
        if not is_origin or self.address != self.address.lower():
            raise SettingsError(
                "FANGFAN_PUBLIC_ORIGIN: give scheme, name and port as browsers show them, in small letters "
                "and without a path, such as https://fangfan.county.example"
            )
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            raise SettingsError(
                "FANGFAN_PUBLIC_ORIGIN: give an https:// address; http:// is for loopback alone"
            )

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.address is not None and self.address.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie. With `__Host-` no other name of the domain can set it."""
        return "__Host-fangfan" if self.is_secure else "fangfan"

    def check(self, request: Request) -> None:
        """Raise `Problem` unless the request comes from a page of this service."""
        origins = request.headers.getlist("origin")
        sites = request.headers.getlist("sec-fetch-site")
        # Browsers from before 2020 do not say the site; all say the origin of a form.
        is_own_site = not sites or (len(sites) == 1 and sites[0] in _OWN_SITES)
        if not (is_own_site and len(origins) == 1 and origins[0] == self._expected(request)):
            raise Problem("origin_not_own")

    def set_cookie(self, response: Response, token: str) -> None:
        """Hand a session's token to the browser. It forgets it when it is closed."""
        # Lax and not Strict: the link of a message to a household's page has to find the person signed in.
        response.set_cookie(
            self.cookie, token, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )

    def drop_cookie(self, response: Response) -> None:
        """Let the browser forget the token."""
        response.delete_cookie(self.cookie, path="/", secure=self.is_secure, httponly=True, samesite="lax")

    def _expected(self, request: Request) -> str | None:
        if self.address is not None:
            return self.address
        names = request.headers.getlist("host")
        if len(names) == 1 and is_loopback(host_name(names[0])):
            return f"http://{names[0].lower()}"
        raise Problem("origin_not_set")
