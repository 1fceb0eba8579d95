"""A corpus of bodies that must each be refused: every class of harm for every route that takes a body.

A case has the route, what is sent, and the status and code of the answer. Every one has `MARKER` wherever a
value may stand, and no answer may have it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from serving.api.documentation import example_request, example_what_if
from serving.api.identity_request import example_identity
from tests.serving.conftest import NAMES, VERSION
from tests.serving.faults import casework_bodies

MARKER = "MARKER5c1e8"
MOST_BYTES = 200_000
"""Of a body in the service that the corpus is sent to."""

INVALID, MALFORMED = (422, "request_invalid"), (400, "json_malformed")
NOT_FINITE, TOO_LARGE_NUMBER = (400, "json_not_finite"), (400, "json_number_too_large")
NOT_UTF8, NUL, SURROGATE = (400, "json_not_utf8"), (400, "json_nul"), (400, "json_lone_surrogate")
DEEP, DOUBLED = (400, "json_too_deep"), (400, "json_duplicate_key")
MEDIA, TOO_LARGE = (415, "media_type_unsupported"), (413, "body_too_large")
FORM = (400, "form_malformed")

_VECTOR: dict[str, Any] = {"columns": list(NAMES), "data": [[None] * len(NAMES)]}
_TENSORS = [{"name": one, "shape": [1], "datatype": "FP64", "data": [None]} for one in NAMES]
ROUTES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "scores": ("POST", "/v1/scores", example_request()),
    "what-if": ("POST", "/v1/what-if", example_what_if()),
    "invocations": ("POST", "/invocations", {"dataframe_split": _VECTOR}),
    "infer": ("POST", "/v2/models/fangfan/infer", {"inputs": _TENSORS}),
    "infer version": ("POST", f"/v2/models/fangfan/versions/{VERSION}/infer", {"inputs": _TENSORS}),
    "lookup": ("POST", "/v1/households/lookup", {"phone": "13800138000"}),
    "reveal": ("POST", "/v1/households/H-1/identity/reveal", {"purpose": "visit"}),
    "identity": ("PUT", "/v1/households/H-1/identity", example_identity()),
    **casework_bodies.ROUTES,
}
"""Every route that takes JSON: its method, its address, and a body that it takes."""


@dataclass(frozen=True)
class Case:
    """One request, and the status and code that are right."""

    name: str
    method: str
    path: str
    body: bytes
    wanted: tuple[int, str]
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    is_chunked: bool = field(default=False)


def _more(text: str) -> Callable[[str], bytes]:
    """The body with one more member before its own."""
    return lambda whole: f"{{{text}, {whole[1:]}".encode()


def _value(text: str) -> Callable[[str], bytes]:
    return _more(f'"{MARKER}": {text}')


BODIES: dict[str, tuple[Callable[[str], bytes], tuple[int, str]]] = {
    "empty": (lambda _: b"", MALFORMED),
    "blank": (lambda _: b" \r\n\t ", MALFORMED),
    "cut at its last byte": (lambda whole: whole[:-1].encode(), MALFORMED),
    "cut in the middle": (lambda whole: whole[: len(whole) // 2].encode(), MALFORMED),
    "cut in a text": (lambda whole: f'{whole[:-1]}, "{MARKER}'.encode(), MALFORMED),
    "two documents": (lambda whole: f"{whole} {whole}".encode(), MALFORMED),
    "something after it": (lambda whole: f"{whole} {MARKER}".encode(), MALFORMED),
    "comma at the end": (lambda whole: f"{whole[:-1]},}}".encode(), MALFORMED),
    "single quotes": (lambda _: f"{{'{MARKER}': 1}}".encode(), MALFORMED),
    "name without quotes": (lambda _: f"{{{MARKER}: 1}}".encode(), MALFORMED),
    "comment": (lambda whole: f"/* {MARKER} */ {whole}".encode(), MALFORMED),
    "comment to the line's end": (lambda whole: f"{whole} // {MARKER}".encode(), MALFORMED),
    "control character": (_value('"\x01"'), MALFORMED),
    "raw line end in a text": (_value('"\n"'), MALFORMED),
    "raw NUL in a text": (_value('"\x00"'), MALFORMED),
    "NUL after it": (lambda whole: whole.encode() + b"\x00", MALFORMED),
    "unknown escape": (_value('"\\x41"'), MALFORMED),
    "half an escape": (_value('"\\u12"'), MALFORMED),
    "byte order mark": (lambda whole: b"\xef\xbb\xbf" + whole.encode(), MALFORMED),
    "form": (lambda _: f"as_of_date={MARKER}".encode(), MALFORMED),
    "XML": (lambda _: f"<!DOCTYPE a [<!ENTITY b '{MARKER}'>]><a>&b;</a>".encode(), MALFORMED),
    "YAML": (lambda _: f"{MARKER}: !!python/object/apply:os.system ['true']".encode(), MALFORMED),
    "pickle": (lambda _: b"\x80\x04cos\nsystem\n(S'true'\ntR.", NOT_UTF8),
    "gzip unannounced": (lambda whole: gzip.compress(whole.encode()), NOT_UTF8),
    "UTF-16": (lambda whole: whole.encode("utf-16"), NOT_UTF8),
    "UTF-16 without a mark": (lambda whole: whole.encode("utf-16-le"), MALFORMED),
    "UTF-32": (lambda whole: whole.encode("utf-32"), NOT_UTF8),
    "GB 18030": (lambda whole: _value('"重庆"')(whole).decode().encode("gb18030"), NOT_UTF8),
    "overlong NUL": (lambda _: b'{"' + MARKER.encode() + b'": "\xc0\x80"}', NOT_UTF8),
    "surrogate as bytes": (lambda _: b'{"' + MARKER.encode() + b'": "\xed\xa0\x80"}', NOT_UTF8),
    "beyond Unicode": (lambda _: b'{"' + MARKER.encode() + b'": "\xf5\x80\x80\x80"}', NOT_UTF8),
    "character cut": (lambda _: b'{"' + MARKER.encode() + b'": "\xe9\x87"}', NOT_UTF8),
    "NaN": (_value("NaN"), NOT_FINITE),
    "Infinity": (_value("Infinity"), NOT_FINITE),
    "-Infinity": (_value("-Infinity"), NOT_FINITE),
    "1e400": (_value("1e400"), NOT_FINITE),
    "-1e400": (_value("-1e400"), NOT_FINITE),
    "1e999999999": (_value("1e999999999"), NOT_FINITE),
    "1.8e308": (_value("1.8e308"), NOT_FINITE),
    "nan": (_value("nan"), MALFORMED),
    "1_000": (_value("1_000"), MALFORMED),
    "+1": (_value("+1"), MALFORMED),
    "01": (_value("01"), MALFORMED),
    "1.": (_value("1."), MALFORMED),
    ".5": (_value(".5"), MALFORMED),
    "0x10": (_value("0x10"), MALFORMED),
    "full-width digits": (_value("１２"), MALFORMED),
    "True": (_value("True"), MALFORMED),
    "None": (_value("None"), MALFORMED),
    "undefined": (_value("undefined"), MALFORMED),
    "2^63": (_value(str(2**63)), TOO_LARGE_NUMBER),
    "-2^63-1": (_value(str(-(2**63) - 1)), TOO_LARGE_NUMBER),
    "2^64": (_value(str(2**64)), TOO_LARGE_NUMBER),
    "20,000 digits": (_value("7" * 20_000), TOO_LARGE_NUMBER),
    "doubled name": (_more(f'"{MARKER}": 1, "{MARKER}": 2'), DOUBLED),
    "doubled by an escape": (_more(f'"{MARKER}a": 1, "{MARKER}\\u0061": 2'), DOUBLED),
    "doubled further in": (_value('[{"a": 1, "a": 1}]'), DOUBLED),
    "escaped NUL": (_value('"a\\u0000b"'), NUL),
    "escaped NUL in a name": (_more(f'"{MARKER}\\u0000": 1'), NUL),
    "high surrogate": (_value('"\\ud83d"'), SURROGATE),
    "low surrogate": (_value('"\\udE00x"'), SURROGATE),
    "pair the wrong way round": (_value('"\\ude00\\ud83d"'), SURROGATE),
    "surrogate in a name": (_more(f'"{MARKER}\\uDBFF": 1'), SURROGATE),
    "13 levels": (_value("[" * 12 + "]" * 12), DEEP),
    "13 objects": (_value('{"a":' * 12 + "1" + "}" * 12), DEEP),
    "90,000 lists": (lambda _: b"[" * 90_000, DEEP),
    "18,000 objects": (lambda _: b'{"a":' * 18_000, DEEP),
    "null": (lambda _: b"null", INVALID),
    "true": (lambda _: b"true", INVALID),
    "number": (lambda _: b"12", INVALID),
    "text": (lambda _: f'"{MARKER}"'.encode(), INVALID),
    "list": (lambda whole: f"[{whole}]".encode(), INVALID),
    "nothing in it": (lambda _: b"{}", INVALID),
    "unknown name": (_value(f'"{MARKER}"'), INVALID),
    "unknown name of markup": (_more(f'"<script>{MARKER}</script>": 1'), INVALID),
    "unknown name like a pointer": (_more(f'"/households/0/{MARKER}~1": 1'), INVALID),
    "__proto__": (_more(f'"__proto__": {{"{MARKER}": 1}}'), INVALID),
    "4,000 unknown names": (
        lambda whole: _more(", ".join(f'"{MARKER}{n}":0' for n in range(4_000)))(whole), INVALID
    ),
    "larger than may be": (lambda whole: whole.encode() + b" " * MOST_BYTES, TOO_LARGE),
}  # fmt: skip
"""How a body is spoilt, whatever the route."""

_JSON = ("Content-Type", "application/json")
KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "no type": (),
    "plain text": (("Content-Type", "text/plain"),),
    "text/json": (("Content-Type", "text/json"),),
    "JSON of another kind": (("Content-Type", "application/merge-patch+json"),),
    "form": (("Content-Type", "application/x-www-form-urlencoded"),),
    "form of parts": (("Content-Type", f"multipart/form-data; boundary={MARKER}"),),
    "type of a marker": (("Content-Type", MARKER),),
    "GBK": (("Content-Type", "application/json; charset=gbk"),),
    "UTF-16": (("Content-Type", "application/json; charset=utf-16"),),
    "UTF-7": (("Content-Type", "application/json; charset=UTF-7"),),
    "another parameter": (("Content-Type", f"application/json; profile={MARKER}"),),
    "two types": (_JSON, _JSON),
    "two in one": (("Content-Type", "application/json, application/json"),),
    "gzip": (_JSON, ("Content-Encoding", "gzip")),
    "deflate": (_JSON, ("Content-Encoding", "deflate")),
    "br": (_JSON, ("Content-Encoding", "br")),
    "gzip twice": (_JSON, ("Content-Encoding", "gzip, gzip")),
    "an encoding of a marker": (_JSON, ("Content-Encoding", MARKER)),
}
"""Headers under which no body is taken."""


def _squeezed(name: str, whole: bytes) -> bytes:
    return gzip.compress(whole) if "gzip" in name else zlib.compress(whole) if name == "deflate" else whole


_PART = f'--x\r\nContent-Disposition: form-data; name="as_of_date"\r\n\r\n{MARKER}\r\n'.encode()
_FILE = f'--x\r\nContent-Disposition: form-data; name="household"; filename="{MARKER}.csv"\r\n\r\na,b\r\n'.encode()
_END = b"--x--\r\n"
FORMS: dict[str, tuple[bytes, tuple[int, str]]] = {
    "empty": (b"", FORM),
    "another boundary": (f"--{MARKER}--\r\n".encode(), FORM),
    "no end": (_PART, FORM),
    "cut in a header": (_PART[:30], FORM),
    "cut in a file": (_FILE[:-3], FORM),
    "JSON": (json.dumps({MARKER: 1}).encode(), FORM),
    "part without a name": (f"--x\r\nA: {MARKER}\r\n\r\nc\r\n".encode() + _END, FORM),
    "header without an end": (f"--x\r\nA: {MARKER * 2_000}\r\n\r\n".encode() + _END, FORM),
    "many headers": (b"--x\r\n" + f"A: {MARKER}\r\n".encode() * 50 + b"\r\n\r\n" + _END, FORM),
    "many parts": (_PART * 70 + _END, FORM),
    "long field": (_PART.replace(MARKER.encode(), MARKER.encode() * 200) + _END, FORM),
    "no parts": (_END, INVALID),
    "no table": (_PART + _END, INVALID),
    "no date": (_FILE + _END, INVALID),
    "field twice": (_PART * 2 + _END, INVALID),
    "table twice": (_PART + _FILE * 2 + _END, INVALID),
    "field of bytes": (_PART.replace(MARKER.encode(), b"\xff\xfe") + _END, INVALID),
    "field with a NUL": (_PART.replace(MARKER.encode(), b"2026-10-31\x00") + _END, INVALID),
    "unknown part": (_PART.replace(b"as_of_date", MARKER.encode()) + _END, INVALID),
    "unknown table": (_FILE.replace(b'"household"', f'"{MARKER}"'.encode()) + _END, INVALID),
    "file of another kind": (_FILE.replace(b".csv", b".exe") + _END, INVALID),
    "path as a file's name": (_FILE.replace(MARKER.encode(), b"../../" + MARKER.encode()) + _END, INVALID),
    "zip called CSV": (_FILE.replace(b"a,b", b"PK\x03\x04") + _END, INVALID),
    "text called Parquet": (_FILE.replace(b".csv", b".parquet") + _END, INVALID),
    "text called a workbook": (_FILE.replace(b".csv", b".xlsx") + _END, INVALID),
}
"""Forms of `POST /v1/jobs`, all of the boundary `x`."""


def cases() -> Iterator[Case]:
    """The whole corpus."""
    for route, (method, path, example) in ROUTES.items():
        whole = json.dumps(example)
        most = casework_bodies.SHORT.get(route, MOST_BYTES)
        for name, (spoil, wanted) in BODIES.items():
            body = spoil(whole)
            said = wanted if len(body) <= most else TOO_LARGE
            yield Case(f"{route}: {name}", method, path, body, said)
        for name, headers in KINDS.items():
            body = _squeezed(name, _value('"x"')(whole))
            yield Case(f"{route}: sent as {name}", method, path, body, MEDIA, headers)
        for name in ("cut in the middle", "NaN", "unknown name", "larger than may be"):
            spoil, wanted = BODIES[name]
            yield Case(f"{route}: {name}, in pieces", method, path, spoil(whole), wanted, is_chunked=True)
    form = ("Content-Type", "multipart/form-data; boundary=x")
    for name, (body, wanted) in FORMS.items():
        yield Case(f"jobs: {name}", "POST", "/v1/jobs", body, wanted, (form,))
        yield Case(f"jobs: {name}, in pieces", "POST", "/v1/jobs", body, wanted, (form,), is_chunked=True)
    for name, headers in KINDS.items():
        if name != "form of parts":
            yield Case(f"jobs: sent as {name}", "POST", "/v1/jobs", _PART + _END, MEDIA, headers)
    squeezed = (form, ("Content-Encoding", "gzip"))
    yield Case("jobs: gzip", "POST", "/v1/jobs", gzip.compress(_PART + _FILE + _END), MEDIA, squeezed)
