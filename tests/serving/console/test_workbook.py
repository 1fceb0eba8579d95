"""The list as a workbook: labels in the reader's language, no column that is empty for everybody."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from serving.access.purpose import Purpose
from serving.bulk.results import Origin
from serving.console.workbook import make_workbook

ORIGIN = Origin(
    "p0123456789a", "village_official", dt.datetime(2026, 11, 2, 20, 30, tzinfo=dt.UTC), Purpose.VISIT
)
CARD = {
    "household_id": "H1", "head": None, "village_code": "500999100201", "village_name": None, "grid_name": None, "level": "紧急",
    "step": "发现", "due": None, "reason": "医疗自付", "grade_text": "高风险", "score": "12.0%",
}  # fmt: skip


def read(cards: list[dict[str, Any]], language: str) -> tuple[list[list[Any]], dict[str, str]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(make_workbook(cards, ORIGIN, language)))
    about = {str(row[0]): str(row[1]) for row in book.get_sheet_by_index(1).to_python()}
    return book.get_sheet_by_index(0).to_python(), about


def test_columns_that_hold_nothing_for_anybody_are_left_out() -> None:
    rows, _ = read([CARD, {**CARD, "household_id": "H2", "due": "剩3天"}], "zh")
    assert rows[0] == [
        "户编号",
        "村级区划代码",
        "紧急程度",
        "办理阶段",
        "期限",
        "主要因素",
        "风险等级",
        "评分",
    ]
    assert [row[0] for row in rows[1:]] == ["H1", "H2"]
    assert [row[4] for row in rows[1:]] == ["", "剩3天"]
    rows, _ = read([{**CARD, "head": "张**", "grid_name": "2组", "village_name": "和平村"}], "zh")
    assert rows[0][:5] == ["户编号", "户主", "村", "村级区划代码", "网格"]
    assert rows[1][1:5] == ["张**", "和平村", "500999100201", "2组"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "zh",
            {"导出人": "p0123456789a 村干部", "导出时间": "2026-11-03 04:30（北京时间）", "用途": "入户核实"},
        ),
        (
            "en",
            {
                "Taken out by": "p0123456789a Official of the village",
                "Taken out at": "2026-11-03 04:30 (China, UTC+8)",
                "Purpose": "visit to the household",
            },
        ),
    ],
)
def test_a_workbook_says_who_took_it_out_when_and_for_what(language: str, said: dict[str, str]) -> None:
    _, about = read([CARD], language)
    assert said.items() <= about.items()
    assert not any("_" in name for name in about)


def test_an_empty_list_still_has_its_columns() -> None:
    rows, _ = read([], "zh")
    assert len(rows[0]) == 11
