"""CSV, made UTF-8: read as UTF-8 first and as GB18030 else, and judged by nothing but its form."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from serving.files.kinds import LONGEST_LINE, Limits
from serving.files.refused import FileRefused

_PART = 1 << 18
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BREAK = re.compile(rb"[\r\n]")
"""Whoever reads the table ends a line at either, and at both together once."""


def unpack_csv(source: Path, target: Path, limits: Limits) -> None:
    """Write the text encoded as UTF-8."""
    with source.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_MARKS):
        raise FileRefused("file_encoding")
    try:
        _rewrite(source, target, "utf-8-sig", limits)
    except UnicodeDecodeError:
        try:
            _rewrite(source, target, "gb18030", limits)
        except UnicodeDecodeError:
            raise FileRefused("file_encoding") from None


def _rewrite(source: Path, target: Path, encoding: str, limits: Limits) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    written, lines, line, is_first, ends_in_cr = 0, 0, 0, True, False
    with source.open("rb") as stream, target.open("wb") as out:
        while True:
            part = stream.read(_PART)
            text = decoder.decode(part, final=not part)
            if "\0" in text:
                raise FileRefused("file_binary")
            content = text.encode()
            written += len(content)
            if written > limits.most_bytes:
                raise FileRefused("file_too_large")
            lines += content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
            lines -= ends_in_cr and content.startswith(b"\n")
            ends_in_cr = content.endswith(b"\r")
            if lines > limits.most_rows + 1:
                raise FileRefused("file_too_many_rows")
            if is_first and content:
                is_first = False
                if _BREAK.split(content, 1)[0].count(b",") >= limits.most_columns:
                    raise FileRefused("file_too_wide")
            # The first and the last line of the part; one between them is shorter than the part.
            if found := _BREAK.search(content):
                _check_line(line + found.start())
                line = len(content) - max(content.rfind(b"\n"), content.rfind(b"\r")) - 1
            else:
                line += len(content)
            _check_line(line)
            out.write(content)
            if not part:
                break
    if not written:
        raise FileRefused("file_empty")


def _check_line(length: int) -> None:
    if length > LONGEST_LINE:
        raise FileRefused("file_cell_too_long")
