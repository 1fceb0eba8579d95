"""The village's notice (村内公示): what may hang on a board for everybody to read, and nothing else.

It is made of the case's codes and days, never of a person's data: a household is on it by what the village calls it,
which people write in by hand; an ID number, a phone, a bank account or an illness has no place where it could stand.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from serving.cases.case import Case
from serving.cases.practice import Practice

_TEXTS = {
    "zh": {
        "title": "防止返贫致贫监测对象公示",
        "opening": "经农户申请或部门预警、入户核实和村民民主评议，拟将下列农户报请审定为防止返贫致贫监测对象，现予公示。",
        "household": "农户（由村填写户主姓名）：＿＿＿＿＿＿",
        "number": "公示编号：{number}",
        "village": "村：{village}",
        "days": "公示期：{published_on} 至 {ends_on}",
        "closing": "对公示有异议的，可在公示期内向村民委员会或乡镇人民政府（街道办事处）提出，提出人信息予以保密。",
        "care": "本公示不含身份证号、电话、银行账号和健康信息，请勿添加；期满后揭下。",
    },
    "en": {
        "title": "Notice: household to be monitored against the return to poverty",
        "opening": "After an application or an alert, a visit and a review by the villagers, the household below is to "
        "be handed to the county for monitoring.",
        "household": "Household (the village writes the head's name here): ______",
        "number": "Number of the notice: {number}",
        "village": "Village: {village}",
        "days": "The notice hangs from {published_on} to {ends_on}",
        "closing": "Objections can be made to the village committee or the township until the last day; whoever makes "
        "one is not named.",
        "care": "The notice has no ID number, phone, bank account or health data. Do not add any; take it down "
        "after the last day.",
    },
}
LINES = ("opening", "number", "village", "household", "days", "closing", "care")


@dataclass(frozen=True)
class Notice:
    """A notice in words, line by line, in every language."""

    number: str
    published_on: dt.date
    ends_on: dt.date
    title: dict[str, str]
    lines: dict[str, tuple[str, ...]]


def make_notice(case: Case, published_on: dt.date, practice: Practice) -> Notice:
    """The notice of a case that is before the village; raises `ValueError` for another."""
    if case.notice_ends_on is None:
        raise ValueError("the case is not before the village")
    # The number finds the case again, and cannot be followed back to the household's key.
    said = {
        "number": case.id[:12].upper(),
        "village": case.village_code,
        "published_on": published_on.isoformat(),
        "ends_on": case.notice_ends_on.isoformat(),
    }
    return Notice(
        said["number"], published_on, case.notice_ends_on,
        {language: words["title"] for language, words in _TEXTS.items()},
        {
            language: tuple(words[one].format(**said) for one in LINES)
            for language, words in _TEXTS.items()
        },
    )  # fmt: skip
