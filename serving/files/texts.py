"""CSV, made UTF-8: read as UTF-8 first and as GB18030 else, and judged by nothing but its form."""

from __future__ import annotations

import codecs
from pathlib import Path

from serving.files.kinds import LONGEST_LINE, Limits
from serving.files.refused import FileRefused

_PART = 1 << 18
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    written, lines, line, is_first = 0, 0, 0, True
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
            breaks = content.count(b"\n")
            lines += breaks
            if lines > limits.most_rows + 1:
                raise FileRefused("file_too_many_rows")
            if is_first and content:
                is_first = False
                if content.partition(b"\n")[0].count(b",") >= limits.most_columns:
                    raise FileRefused("file_too_wide")
            # The first and the last line of the part; one between them is shorter than the part.
            if breaks:
                _check_line(line + content.index(b"\n"))
                line = len(content) - content.rindex(b"\n") - 1
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
