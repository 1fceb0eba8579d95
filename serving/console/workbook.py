"""A cadre's list as a workbook, masked: for a meeting, or a phone without the system."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from serving.bulk.results import Origin
from serving.console.moments import china_time
from serving.console.texts import texts

MOST_ROWS = 2_000
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = (
    ("column_household", "household_id", 18),
    ("column_head", "head", 10),
    ("column_village", "village_name", 16),
    ("village", "village_code", 16),
    ("column_grid", "grid_name", 12),
    ("column_level", "level", 10),
    ("column_step", "step", 14),
    ("column_due", "due", 14),
    ("column_reason", "reason", 24),
    ("column_grade", "grade_text", 10),
    ("column_score", "score", 10),
)
"""Words, where a card has it, and the width in characters."""


def make_workbook(cards: Sequence[dict[str, Any]], origin: Origin, language: str) -> bytes:
    """The cards as rows; a second sheet says who took them out, when and for what.

    A column that nobody has anything in is left out. Nothing is taken for a formula, a link or a number.
    """
    from xlsxwriter import Workbook

    words, out = texts(language), io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    by = f"{origin.ordered_by} {words[f'role_{origin.role}']}"
    columns = [one for one in _COLUMNS if not cards or any(card[one[1]] for card in cards)]
    with Workbook(out, options) as book:
        head = book.add_format({"bold": True, "text_wrap": True})
        sheet = book.add_worksheet(words["my_list_title"])
        sheet.freeze_panes(1, 1)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&L{_plain(by)}&R&P/&N")
        for place, (name, _, width) in enumerate(columns):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, words[name], head)
        for number, one in enumerate(cards, 1):
            for place, (_, key, _) in enumerate(columns):
                sheet.write_string(number, place, one[key] or "")
        about = book.add_worksheet(words["export_about"])
        about.set_column(0, 1, 40)
        said = {
            words["export_by"]: by,
            words["export_at"]: words["in_china_time"].format(at=china_time(origin.made_at)),
            words["export_purpose"]: origin.purpose.text(language),
            words["export_rows"]: str(len(cards)),
            "": words["note"],
        }
        for number, (name, value) in enumerate(said.items()):
            about.write_string(number, 0, name)
            about.write_string(number, 1, value)
    return out.getvalue()


def _plain(text: str) -> str:
    """A text in which a workbook's footer finds no code of its own."""
    return text.replace("&", "&&")
