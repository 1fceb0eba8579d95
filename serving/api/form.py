"""Reading a form of files: parsed as it arrives and written to disk, so that its size costs no memory.

`feed` runs in a thread: neither parsing nor the disk may keep the event loop from other requests.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from serving.api.json_body import tells_more
from serving.bulk.order import SentFile
from serving.errors import FieldError, Problem
from serving.files import FileKind, FileRefused, check_content, kind_of_name
from serving.pace import Pace

_MOST_PARTS = 64
_LONGEST_FIELD = 1_000
_AT_ONCE = 1 << 18
"""Bytes that are handed to the thread together; each hand-over costs some hundred microseconds."""
_AT_LEAST_SECONDS = 5.0
"""Of a slow sender fewer are handed over, so that there is a sign of the request as long as it arrives."""
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,70}")


@dataclass
class Form:
    """A form that was read: short fields by name, and the files on the disk."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[SentFile] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)


class FormReader:
    """Takes the bytes of one form; files go to `folder`, named by their part."""

    def __init__(
        self, boundary: bytes, folder: Path, fields: Collection[str], parts: Collection[str], most_bytes: int
    ) -> None:
        self.form = Form()
        self.folder = folder
        self._fields = fields
        self._parts = parts
        self._most_bytes = most_bytes
        self._size = 0
        self._seen: set[str] = set()
        self._count = 0
        self._is_complete = False
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._text: bytearray | None = None
        self._name = ""
        self._file: IO[bytes] | None = None
        self._kind = FileKind.CSV
        self._path = folder
        self._digest = hashlib.sha256()
        self._written = 0
        self._parser = MultipartParser(boundary, {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(data[start:end]),
            "on_header_value": lambda data, start, end: self._add_value(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self._close,
            "on_end": self._complete,
        })  # fmt: skip

    def feed(self, content: bytes) -> None:
        """Take the next bytes; raises `Problem`, and `OSError` where the disk refuses."""
        self._size += len(content)
        if self._size > self._most_bytes:
            raise _too_large(self._most_bytes)
        try:
            self._parser.write(content)
        except (MultipartParseError, FormParserError):
            raise Problem("form_malformed") from None

    def end(self) -> Form:
        """The form; raises `Problem` where it is cut off."""
        if not self._is_complete:
            raise Problem("form_malformed")
        return self.form

    def abandon(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Problem("form_malformed", detail=f"The form has more than {_MOST_PARTS} parts.")
        self._headers = {}

    def _add_header(self, part: bytes) -> None:
        self._header += part

    def _add_value(self, part: bytes) -> None:
        self._value += part

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("latin-1")
        self._text, self._file = None, None
        self._name = name
        if kind != b"form-data":
            raise Problem("form_malformed")
        if name not in self._fields and name not in self._parts:
            # The name may be anything, and is not repeated.
            self._name = ""
            self._refuse("unknown_part", f"give {', '.join((*self._fields, *self._parts))}")
        elif name in self._seen:
            self._refuse("repeated_part", "give each part once")
        elif name in self._fields and b"filename" not in options:
            self._text = bytearray()
        elif name in self._parts and b"filename" in options:
            self._open_file(options[b"filename"].decode("utf-8", "replace"))
        elif name in self._parts:
            self._refuse("not_a_file", "give the table as a file with its name")
        self._seen.add(name)

    def _open_file(self, filename: str) -> None:
        try:
            self._kind = kind_of_name(filename)
        except FileRefused as refused:
            self._refuse(refused.code, refused.way_out)
            return
        if (self._kind is FileKind.ZIP) != (self._name == "delivery"):
            self._refuse(
                "file_kind_unknown", "give an archive as the part delivery, a table as its feed's part"
            )
            return
        self._path = self.folder / f"{self._name}{self._kind.value}"
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._digest, self._written = hashlib.sha256(), 0

    def _add(self, part: bytes) -> None:
        if self._text is not None:
            self._text += part
            if len(self._text) > _LONGEST_FIELD:
                raise Problem("form_malformed", detail=f"A field is longer than {_LONGEST_FIELD} bytes.")
        elif self._file is not None:
            self._file.write(part)
            self._digest.update(part)
            self._written += len(part)

    def _close(self) -> None:
        if self._text is not None:
            try:
                self.form.fields[self._name] = self._text.decode()
            except UnicodeDecodeError:
                self._refuse("malformed", "encode the field as UTF-8")
        elif self._file is not None:
            with self._file as file:
                file.flush()
                os.fsync(file.fileno())
            try:
                check_content(self._path, self._kind)
            except FileRefused as refused:
                self._refuse(refused.code, refused.way_out)
            sent = SentFile(self._name, self._path.name, self._written, self._digest.hexdigest())
            self.form.files.append(sent)
        self._file = None

    def _complete(self) -> None:
        self._is_complete = True

    def _refuse(self, code: str, way_out: str) -> None:
        self.form.errors.append(FieldError(f"/form/{self._name}".rstrip("/"), code, way_out))


async def read_form(
    request: Request,
    folder: Path,
    fields: Collection[str],
    parts: Collection[str],
    most_bytes: int,
    seconds: float,
    sign: Callable[[], None],
) -> Form:
    """The form of a request, its files in `folder`; `sign` is called in a thread as it arrives.

    Raises `Problem`: another media type (415), more than `most_bytes` (413), slower than `seconds` (408), not
    a form (400). Raises `OSError` where the disk refuses.
    """
    reader = FormReader(_boundary(request), folder, fields, parts, most_bytes)
    if tells_more(request, most_bytes):
        raise _too_large(most_bytes)

    def take(content: bytes) -> None:
        reader.feed(content)
        sign()

    waiting = bytearray()
    now = asyncio.get_running_loop().time
    handed = now()
    try:
        async with Pace(seconds) as pace:
            async for part in request.stream():
                waiting += part
                pace.count(len(part))
                if len(waiting) >= _AT_ONCE or now() - handed >= _AT_LEAST_SECONDS:
                    await run_in_threadpool(take, bytes(waiting))
                    waiting.clear()
                    handed = now()
            await run_in_threadpool(take, bytes(waiting))
        return reader.end()
    finally:
        reader.abandon()


def _boundary(request: Request) -> bytes:
    types = request.headers.getlist("content-type")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    media, options = parse_options_header(types[0] if len(types) == 1 else "")
    boundary = options.get(b"boundary", b"")
    if media != b"multipart/form-data" or encoding != "identity" or not _BOUNDARY.fullmatch(boundary):
        raise Problem("media_type_unsupported")
    return boundary


def _too_large(most_bytes: int) -> Problem:
    detail = f"The files are larger than {most_bytes} bytes together."
    return Problem("body_too_large", detail=detail)
