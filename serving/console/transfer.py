"""What goes over the line: text that is compressed for browsers that take it, and the files of the console.

Pages are read over slow lines, far from a mast. Compressing what holds secrets beside what a stranger chose
gives the secrets away byte by byte (BREACH): no page repeats what was typed, cookies are `SameSite`, and
nothing on a page is a secret that a request is checked by.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_LEVEL = 6
_WORKER = "worker.js"
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "html": "text/html"}


def html_response(request: Request, html: str, status: int, headers: dict[str, str]) -> Response:
    """A page, compressed where the browser takes that."""
    if not takes_gzip(request):
        return HTMLResponse(html, status, headers={**headers, "Vary": "Accept-Encoding"})
    packed = gzip.compress(html.encode(), _LEVEL, mtime=0)
    return HTMLResponse(packed, status, headers={**headers, **_PACKED})


def takes_gzip(request: Request) -> bool:
    """Whether the request says that its answer may be compressed."""
    given = request.headers.get("accept-encoding", "").lower().split(",")
    named = [one.partition(";") for one in given]
    return any(name.strip() == "gzip" and rest.replace(" ", "") != "q=0" for name, _, rest in named)


class Files(StaticFiles):
    """The style sheet, the scripts and the icon. The worker may answer for every page of the service."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        found = await super().get_response(path, scope)
        kind = _KINDS.get(path.rpartition(".")[2])
        if found.status_code != 200 or kind is None:
            return found
        is_packed = takes_gzip(Request(scope))
        headers = {**(_PACKED if is_packed else {"Vary": "Accept-Encoding"})}
        if path == _WORKER:
            headers |= {"Service-Worker-Allowed": "/", "Cache-Control": "no-cache"}
        plain, packed = _contents(path)
        return Response(packed if is_packed else plain, media_type=kind, headers=headers)


@cache
def _contents(path: str) -> tuple[bytes, bytes]:
    plain = resources.files(__package__).joinpath("static", path).read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0)


_PACKED = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
