"""Result files: whose they are, when and for what they were made, and that no spreadsheet computes them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from serving.access.purpose import RESULT_PURPOSES, Purpose
from serving.bulk import Mode, Order, ResultKind, RowPolicy
from serving.bulk.results import SCHEMA, Origin, join_parts, neutral

ORIGIN = Origin("3f0c2c1e6f0a", "platform", dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC), Purpose.VISIT)
SAID = {
    "exported_by": "3f0c2c1e6f0a (platform)", "exported_at": "2026-11-01T09:00:00+00:00",
    "export_purpose": "入户核实 visit",
}  # fmt: skip
FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x", "﹦1", "﹢1", "﹣1", "﹫1",
    "⁺1", " =1", "\u00a0=1", "\u200b=1", "\ufeff=1", "\u3000＝1", '=HYPERLINK("http://a")', "=cmd|'/c calc'!A0",
)  # fmt: skip
PLAIN = ("H1", "", "张=三", "5-3", "a@b", " x", "'=1", "1", "家庭+1", "，=1")


def row(key: str) -> dict[str, Any]:
    made: dict[str, Any] = {one.name: "x" for one in SCHEMA}
    made |= {"household_id": key, "as_of_date": dt.date(2026, 10, 31), "horizon_months": 12, "score": 0.25}
    return {**made, "base_rate": 0.1, "stale_feeds": None}


def write(folder: Path, kind: ResultKind, keys: tuple[str, ...]) -> Path:
    part = folder / "part.parquet"
    pq.write_table(pa.Table.from_pylist([row(one) for one in keys], SCHEMA), part)
    path = folder / f"result.{kind.value}"
    join_parts([part, part], path, kind, ORIGIN)
    return path


def test_csv_says_it_in_every_row(tmp_path: Path) -> None:
    text = write(tmp_path, ResultKind.CSV, (*FORMULAS, *PLAIN)).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2 * len((*FORMULAS, *PLAIN))
    for one in rows:
        assert {name: one[name] for name in SAID} == SAID
    told = [one["household_id"] for one in rows[: len(rows) // 2]]
    assert told == [*(f"'{one}" for one in FORMULAS), *PLAIN]
    # Readers of the columns before there were more find them where they were.
    assert list(rows[0])[: len(SCHEMA)] == SCHEMA.names


def test_a_workbook_has_texts_alone_and_a_sheet_that_says_it(tmp_path: Path) -> None:
    path = write(tmp_path, ResultKind.XLSX, (*FORMULAS, *PLAIN))
    with zipfile.ZipFile(path) as archive:
        sheets = b"".join(archive.read(one) for one in archive.namelist() if "worksheets/" in one)
        names = archive.namelist()
    assert b"<f>" not in sheets
    assert b"<hyperlink" not in sheets
    assert not [one for one in names if "externalLink" in one or "vba" in one]
    with CalamineWorkbook.from_path(str(path)) as book:
        scores, about = (book.get_sheet_by_name(one).to_python() for one in ("scores", "说明 about"))
    assert scores[0] == SCHEMA.names
    told = [one[0] for one in scores[1 : len(FORMULAS) + len(PLAIN) + 1]]
    # Spaces at the ends of a text and line ends are as XML keeps them.
    assert [str(one).strip() for one in told] == [one.strip() for one in (*FORMULAS, *PLAIN)]
    assert scores[1][2:5] == [dt.date(2026, 10, 31), 12, 0.25]
    assert {str(name): said for name, said in about} == SAID
    assert [one.name for one in tmp_path.iterdir() if "part" not in one.name] == ["result.xlsx"]


def test_parquet_says_it_in_its_metadata_and_keeps_every_byte(tmp_path: Path) -> None:
    path = write(tmp_path, ResultKind.PARQUET, (*FORMULAS, *PLAIN))
    table = pq.read_table(path)
    assert {name.decode(): said.decode() for name, said in table.schema.metadata.items()} == SAID
    assert table["household_id"].to_pylist()[: len(FORMULAS)] == list(FORMULAS)
    assert table.schema.equals(SCHEMA)


@given(st.text(max_size=20))
def test_what_is_neutral_stays_and_what_is_not_is_marked_once(cell: str) -> None:
    made = neutral(cell)
    assert made in {cell, f"'{cell}"}
    assert neutral(made) == made
    if cell.lstrip()[:1] in set("=+-@＝＋－＠"):
        assert made == (f"'{cell}" if cell.lstrip() else cell)


@pytest.mark.parametrize("cell", [1, -1.5, None, dt.date(2026, 1, 1), True])
def test_numbers_are_numbers(cell: Any) -> None:
    assert neutral(cell) is cell


def test_an_order_keeps_its_purpose_and_older_ones_have_one() -> None:
    order = Order(
        dt.date(2026, 10, 31), Mode.COMMIT, RowPolicy.ATOMIC, ResultKind.XLSX, (), Purpose.INSPECTION
    )  # fmt: skip
    assert Order.from_json(order.as_json()) == order
    former = order.as_json()
    del former["result_purpose"]
    assert Order.from_json(former).result_purpose is Purpose.SCREENING
    assert all(one.text(language) for one in RESULT_PURPOSES for language in ("zh", "en"))
