"""Hostile files, made here by name: what each is called, what it holds and the code of its verdict."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from tests.serving.jobs.orders import as_csv, tables_of
from tests.serving.jobs.workbooks import column, package, sheet, sheet_of, workbook

HEADER = ["household_id", "village_code", "background"]
ROW = ["H1", "500999100201", "other"]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def parquet(table: pa.Table, **more: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **more)
    return out.getvalue()


def zeros_zipped(gigabytes: int, name: str) -> bytes:
    """An archive of much nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(gigabytes * 64):
            member.write(b"0" * (1 << 24))
    return out.getvalue()


def zeros_gzipped() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b"a,b\n" * (1 << 20)) for _ in range(300)) + packer.flush()


def overlapping_zip() -> bytes:
    """Two entries of the directory that name the same bytes."""
    content = bytearray(zipped({"household.csv": b"a" * 10_000, "member.csv": b"b" * 10_000}))
    entries = [at for at in range(len(content) - 4) if content[at : at + 4] == b"PK\x01\x02"]
    struct.pack_into("<I", content, entries[1] + 42, struct.unpack_from("<I", content, entries[0] + 42)[0])
    return bytes(content)


def encrypted_zip() -> bytes:
    content = bytearray(zipped({"household.csv": b"a,b\n1,2\n"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def with_method(content: bytes, method: int) -> bytes:
    made = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", made, made.index(signature) + offset, method)
    return bytes(made)


def wrong_sum() -> bytes:
    made = bytearray(zipped({"household.csv": b"household_id\nH1\n"}, zipfile.ZIP_STORED))
    at = made.index(b"H1")
    made[at] = ord("X")
    return bytes(made)


def dictionary_bomb() -> bytes:
    """A few kilobytes that are ten gigabytes: one long text, ten million times."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array(["x" * 9_000]))
    return parquet(pa.table({"household_id": words}), compression="zstd")


def long_cell_bomb() -> bytes:
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 500_000, pa.int32()), pa.array(["x" * 1_000_000]))
    return parquet(pa.table({"household_id": words}), compression="zstd")


def lying_parquet() -> bytes:
    content = bytearray(parquet(pa.table({"a": [1, 2, 3]})))
    struct.pack_into("<I", content, len(content) - 8, 0x7FFFFFFF)
    return bytes(content)


def far_cell() -> bytes:
    """1.4 KB in which two cells lie as far apart as a sheet goes."""
    return package(sheet_of('<row r="1"><c r="A1"><v>1</v></c></row>'
                            '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))  # fmt: skip


def far_within_limits() -> bytes:
    """Two cells that the limits allow and a dense reader makes two hundred million of."""
    last = f"{column(199)}1000000"
    return package(sheet_of('<row r="1"><c r="A1"><v>1</v></c></row>'
                            f'<row r="1000000"><c r="{last}"><v>1</v></c></row>'))  # fmt: skip


def far_cell_without_rows() -> bytes:
    return package(sheet_of('<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>'))


def many_rows_without_places(rows: int) -> bytes:
    return package(sheet_of("<row><c><v>1</v></c></row>" * rows))


def shared_text_bomb() -> bytes:
    """One long text that a hundred thousand cells point to."""
    strings = '<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    strings += f"<si><t>{'x' * 9_000}</t></si></sst>"
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 100_001))
    return package(sheet_of(cells), more={"xl/sharedStrings.xml": strings})


def entities() -> bytes:
    doctype = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return package(sheet([HEADER, ROW]).replace("?>\n", f"?>{doctype}", 1))


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


GOOD = workbook([HEADER, ROW])
BIG_ZIP = lambda: zeros_zipped(1, "household.csv")  # noqa: E731

HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    # name: file name, content, verdict
    "xlsx far cells": ("household.xlsx", far_cell, "file_too_wide"),
    "xlsx far cells, no row numbers": ("household.xlsx", far_cell_without_rows, "file_too_wide"),
    "xlsx dense within limits": ("household.xlsx", far_within_limits, "file_too_much_memory"),
    "xlsx row beyond": (
        "household.xlsx",
        lambda: package(
            sheet_of(
                '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>'
            )
        ),
        "file_too_many_rows",
    ),
    "xlsx row numbers beyond": (
        "household.xlsx",
        lambda: package(sheet_of('<row r="99999999999"><c r="A1"><v>1</v></c></row>')),
        "file_too_many_rows",
    ),
    "xlsx sheet of a gigabyte": (
        "household.xlsx",
        lambda: zipped({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b" " * 400_000_000}),
        "file_too_large",
    ),
    "xlsx shared text": ("household.xlsx", shared_text_bomb, "file_too_large"),
    "xlsx long cell": ("household.xlsx", lambda: workbook([HEADER, ["x" * 20_000]]), "file_cell_too_long"),
    "xlsx entities": ("household.xlsx", entities, "file_damaged"),
    "xlsx formula": (
        "household.xlsx",
        lambda: package(sheet_of('<row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row>')),
        "sheet_formulas",
    ),
    "xlsx shared formula": (
        "household.xlsx",
        lambda: package(sheet_of('<row r="1"><c r="A1"><f t="shared" si="0"/><v>2</v></c></row>')),
        "sheet_formulas",
    ),
    "xlsx formula with a prefix": (
        "household.xlsx",
        lambda: package(sheet_of('<row r="1"><c r="A1"><x:f>1</x:f><v>2</v></c></row>')),
        "sheet_formulas",
    ),
    "xlsx formula across two parts": (
        "household.xlsx",
        lambda: package(
            sheet_of(" " * ((1 << 18) - 250) + '<row r="1"><c r="A1"><f>1</f><v>2</v></c></row>')
        ),
        "sheet_formulas",
    ),
    "xlsx external link": (
        "household.xlsx",
        lambda: package(sheet([HEADER, ROW]), more={"xl/externalLinks/externalLink1.xml": "<x/>"}),
        "sheet_links",
    ),
    "xlsx macro": (
        "household.xlsx",
        lambda: package(sheet([HEADER, ROW]), more={"xl/vbaProject.bin": b"x"}),
        "sheet_links",
    ),
    "xlsx embedded object": (
        "household.xlsx",
        lambda: package(sheet([HEADER, ROW]), more={"xl/embeddings/oleObject1.bin": b"x"}),
        "sheet_links",
    ),
    "xlsx connection": (
        "household.xlsx",
        lambda: package(sheet([HEADER, ROW]), more={"xl/connections.xml": b"x"}),
        "sheet_links",
    ),
    "xlsx two sheets": (
        "household.xlsx",
        lambda: package(sheet([HEADER, ROW]), sheet([HEADER, ROW])),
        "sheets_several",
    ),
    "xlsx empty sheet": ("household.xlsx", lambda: package(sheet([])), "file_empty"),
    "xlsx encrypted": (
        "household.xlsx",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5_000),
        "file_encrypted",
    ),
    "xlsx truncated": ("household.xlsx", lambda: truncated(GOOD), "file_damaged"),
    "xlsx that is a zip": ("household.xlsx", lambda: zipped({"a.txt": b"x"}), "file_kind_differs"),
    "xlsx that is csv": ("household.xlsx", lambda: b"a,b\n1,2\n", "file_kind_differs"),
    "xlsx broken xml": ("household.xlsx", lambda: package(sheet([HEADER, ROW])[:-30]), "file_damaged"),
    "xlsx many parts": (
        "household.xlsx",
        lambda: package(sheet([HEADER]), more={f"x{n}": b"" for n in range(600)}),
        "archive_content",
    ),
    "xlsx too wide": ("household.xlsx", lambda: workbook([[f"c{n}" for n in range(300)]]), "file_too_wide"),
    "xlsx too many rows, no places": (
        "household.xlsx",
        lambda: many_rows_without_places(1_100_000),
        "file_too_many_rows",
    ),
    "zip bomb": ("delivery.zip", BIG_ZIP, "file_too_large"),
    "zip overlapping": ("delivery.zip", overlapping_zip, "file_damaged"),
    "zip encrypted": ("delivery.zip", encrypted_zip, "file_encrypted"),
    "zip unknown method": (
        "delivery.zip",
        lambda: with_method(zipped({"household.csv": b"a" * 99}), 99),
        "file_damaged",
    ),
    "zip nested": (
        "delivery.zip",
        lambda: zipped({"household.zip": zipped({"household.csv": b"a"})}),
        "archive_content",
    ),
    "zip climbing": ("delivery.zip", lambda: zipped({"../household.csv": b"a"}), "archive_content"),
    "zip absolute": ("delivery.zip", lambda: zipped({"/etc/household.csv": b"a"}), "archive_content"),
    "zip stranger": ("delivery.zip", lambda: zipped({"zhang_san.csv": b"a"}), "archive_content"),
    "zip program": ("delivery.zip", lambda: zipped({"household.exe": b"a"}), "file_kind_unknown"),
    "zip many files": (
        "delivery.zip",
        lambda: zipped({f"{n}.csv": b"" for n in range(500)}),
        "archive_content",
    ),
    "zip empty": ("delivery.zip", lambda: zipped({}), "file_empty"),
    "zip truncated": (
        "delivery.zip",
        lambda: truncated(zipped({"household.csv": as_csv(tables_of(50)["household"])})),
        "file_damaged",
    ),
    "zip wrong sum": ("delivery.zip", wrong_sum, "file_damaged"),
    "zip with a bomb inside": (
        "delivery.zip",
        lambda: zipped({"household.csv.gz": zeros_gzipped()}),
        "file_too_large",
    ),
    "gz bomb": ("household.csv.gz", zeros_gzipped, "file_too_large"),
    "gz truncated": (
        "household.csv.gz",
        lambda: truncated(gzip.compress(as_csv(tables_of(50)["household"]))),
        "file_damaged",
    ),
    "gz in gz": ("household.csv.gz", lambda: gzip.compress(gzip.compress(b"a,b\n")), "file_kind_differs"),
    "gz that is csv": ("household.csv.gz", lambda: b"a,b\n1,2\n", "file_kind_differs"),
    "gz with garbage after": (
        "household.csv.gz",
        lambda: gzip.compress(b"a,b\n1,2\n") + b"\x1f\x8bgarbage",
        "file_damaged",
    ),
    "parquet dictionary": ("household.parquet", dictionary_bomb, "file_too_large"),
    "parquet long cells": ("household.parquet", long_cell_bomb, "file_too_much_memory"),
    "parquet many rows": (
        "household.parquet",
        lambda: parquet(pa.table({"a": pa.nulls(50_000_000, pa.int8())})),
        "file_too_many_rows",
    ),
    "parquet lists": ("household.parquet", lambda: parquet(pa.table({"a": [[1], [2]]})), "file_column_kind"),
    "parquet structs": (
        "household.parquet",
        lambda: parquet(pa.table({"a": [{"b": 1}]})),
        "file_column_kind",
    ),
    "parquet bytes": ("household.parquet", lambda: parquet(pa.table({"a": [b"x"]})), "file_column_kind"),
    "parquet wide": (
        "household.parquet",
        lambda: parquet(pa.table({f"c{n}": [1] for n in range(3_000)})),
        "file_too_wide",
    ),
    "parquet truncated": (
        "household.parquet",
        lambda: truncated(parquet(pa.table({"a": ["x"] * 1_000}))),
        "file_damaged",
    ),
    "parquet lying footer": ("household.parquet", lying_parquet, "file_damaged"),
    "parquet that is csv": ("household.parquet", lambda: b"a,b\n1,2\n", "file_kind_differs"),
    "csv NUL": ("household.csv", lambda: b"a,b\n1,\0\n", "file_binary"),
    "csv UTF-16": ("household.csv", lambda: "a,b\n1,2\n".encode("utf-16"), "file_encoding"),
    "csv no encoding": ("household.csv", lambda: b"a,b\n\xff\xff\xff,2\n", "file_encoding"),
    "csv one line": ("household.csv", lambda: b"a,b\n" + b"x" * 5_000_000, "file_cell_too_long"),
    "csv many lines": ("household.csv", lambda: b"\n" * 3_000_000, "file_too_many_rows"),
    "csv wide": ("household.csv", lambda: b"a," * 5_000 + b"a\n", "file_too_wide"),
    "csv that is xlsx": ("household.csv", lambda: GOOD, "file_kind_differs"),
    "csv that is a program": ("household.csv", lambda: b"\x7fELF" + bytes(100), "file_kind_differs"),
    "csv empty": ("household.csv", lambda: b"", "file_empty"),
}
