"""Reading: a household table from CSV, Parquet or Stata, whatever its encoding and delimiter.

Text cells stay text here; what they mean is inferred column by column afterwards. A file that cannot be a
table is refused with one sentence that repeats no cell of it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from training.errors import DataError

DELIMITERS = ",;\t|"
PARQUET, STATA = (".parquet", ".pq"), (".dta",)
ARCHIVES = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".rar")
PACKED = (
    *ARCHIVES, ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".sav", ".por", ".rds", ".rdata", ".sas7bdat",
    ".feather",
)  # fmt: skip
MARKS = {
    b"\x1f\x8b": "gz",
    b"PK\x03\x04": "zip or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"PAR1": "Parquet",
}
"""First bytes that no text has."""

WAY = "save it as CSV, Parquet or Stata (.dta)"


def read_table(path: Path) -> pd.DataFrame:
    """The table of a file, one row a line; text columns as text, other types as the file has them.

    Raises `DataError` when the file is absent, empty, no table, or of a kind that is not read.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the file in it")
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty: it has neither header nor rows")
    kind = path.suffix.lower()
    if kind in PACKED:
        way = "unpack it" if kind in ARCHIVES else WAY
        raise DataError(f"{path.name} is {kind[1:]}, which is not read: {way}")
    if kind in PARQUET:
        frame = _read_parquet(path)
    elif kind in STATA:
        frame = _read_stata(path)
    else:
        frame = _read_text(path)
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if not len(frame):
        raise DataError(f"{path.name} has a header and no rows")
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError):
        raise DataError(f"{path.name} cannot be read as Parquet") from None


def _read_stata(path: Path) -> pd.DataFrame:
    """Stata's values, with the names of a column's value labels where every value of it has one."""
    try:
        with pd.read_stata(path, iterator=True, convert_categoricals=False) as reader:
            frame: pd.DataFrame = reader.read()  # type: ignore[attr-defined]
            names = reader.value_labels()
            # A label set may have another name than its column; pandas tells which only in private.
            sets = dict(zip(frame.columns, getattr(reader, "_lbllist", []), strict=False))
    except (ValueError, OSError, KeyError, IndexError, UnicodeError, OverflowError, NotImplementedError):
        raise DataError(f"{path.name} cannot be read as a Stata file") from None
    except Exception as error:  # Truncated files end in errors of the struct module and others.
        raise DataError(f"{path.name} cannot be read as a Stata file ({type(error).__name__})") from None
    for column in frame.columns:
        known = names.get(sets.get(column, column)) or {}
        values = frame[column].dropna().unique()
        if known and len(values) and all(value in known for value in values):
            # Codes keep the order that their numbers have: waves and grades come in it.
            order = list(dict.fromkeys(known[value] for value in sorted(values)))
            frame[column] = pd.Categorical(frame[column].map(known), categories=order, ordered=True)
    return frame


def _read_text(path: Path) -> pd.DataFrame:
    raw = path.read_bytes()
    for mark, kind in MARKS.items():
        if raw.startswith(mark):
            raise DataError(f"{path.name} is {kind}, whatever its name says: unpack it, or {WAY}")
    text = decode(raw, path.name)
    # Excel may tell its delimiter in a line before the header.
    told = re.match(r"\s*\"?sep=([,;\t|])\"?[,;\t|]*\r?\n", text, re.IGNORECASE)
    text = text[told.end() :] if told else text
    header = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    if not header:
        raise DataError(f"{path.name} is empty: it has neither header nor rows")
    delimiter = told[1] if told else _delimiter_of(header)
    names = next(csv.reader([header], delimiter=delimiter), [])
    if len(names) < 2:
        raise DataError(
            f"{path.name} has one column only: a table has commas, semicolons or tabs between its cells"
        )
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            dtype=str,
            keep_default_na=False,
            engine="c",
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"{path.name} is no table: {_place_of(str(error))}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{path.name} is no table: its rows have more cells than its header has names")
    # Rows without a cell are what a spreadsheet leaves below its table.
    is_empty = (frame.isna() | (frame == "")).all(axis=1)
    frame = frame[~is_empty]
    return _named_as_written(frame.reset_index(drop=True), names)


def decode(raw: bytes, name: str) -> str:
    """The text of a file in UTF-8 (with or without a mark), UTF-16 with a mark, GB 18030 or Latin-1.

    Latin-1 accepts any bytes, and GB 18030 many: Chinese is believed where nearly all pairs of high bytes
    are Chinese characters of the base set. Raises `DataError` where the bytes are no text.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            raise DataError(f"{name} begins as UTF-16 and goes on as something else") from None
    if b"\x00" in raw:
        raise DataError(f"{name} holds NUL bytes: it is no text table")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if _chinese_share(raw) > 0.9:
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return raw.decode("latin-1")


def _chinese_share(raw: bytes) -> float:
    values = np.frombuffer(raw[:2_000_000], dtype=np.uint8)
    lead, at, chinese, pairs = values >= 0x81, 0, 0, 0
    places = np.flatnonzero(lead)[:20_000]
    for place in places.tolist():
        if place < at or place + 1 >= len(values):
            continue
        pairs += 1
        at = place + 2
        chinese += int(0xA1 <= values[place] <= 0xF7 and values[place + 1] >= 0xA1)
    return chinese / max(1, pairs)


def _delimiter_of(header: str) -> str:
    outside = "".join(header.split('"')[::2])
    counts = Counter(one for one in outside if one in DELIMITERS)
    return max(DELIMITERS, key=lambda one: (counts[one], -DELIMITERS.index(one)))


def _place_of(message: str) -> str:
    """What pandas says, without any cell: only the number of the line is kept."""
    words = message.replace(",", " ").split()
    if "line" in words and "saw" in words:
        return f"line {words[words.index('line') + 1]} has more cells than the header has names"
    return "a quotation mark is open, or a line is broken"


def _named_as_written(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Names that stand twice stay twice: pandas has called the second ``name.1``. Columns keep some name."""
    if len(names) == len(frame.columns):
        frame.columns = pd.Index([
            one.strip() or str(given) for one, given in zip(names, frame.columns, strict=True)
        ])
    return frame
