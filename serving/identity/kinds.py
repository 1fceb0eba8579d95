"""The kinds of identifier, the one form each is kept and looked up in, and what is refused.

Whoever types ``５００２…ｘ`` and whoever sends ``5002…X`` mean one number: values are normalised before they
are encrypted, and before they are looked up.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from features.signals.defects import Defect
from features.signals.id_number import LENGTH, IdNumber
from serving.files.rows import ValueRefused

_ID_NUMBER = IdNumber(name="id_number", zh="公民身份号码", en="ID number")
_LONGEST = {"name": 50, "address": 200}
_SPACES = re.compile(r"\s+")
_BETWEEN_HANZI = re.compile(
    r"(?<=[\u3400-\u9fff\U00020000-\U0003ffff]) (?=[\u3400-\u9fff\U00020000-\U0003ffff])"
)
_PHONE_MARKS = re.compile(r"[\s()\-‐‑‒–—.]+")
_COUNTRY = re.compile(r"(?:\+|00)86|86(?=1[3-9][0-9]{9}$)")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})[2-8][0-9]{6,7}")
_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}
"""Categories of Unicode that no name or address is written with. Private characters are: rare surnames."""

REFUSALS = {
    "not_text": ("须为文本", "give the value as text"),
    "empty": ("不能为空；没有就不填", "give a value, or leave the field out"),
    "too_long": ("过长", "give at most 50 characters of a name, 200 of an address"),
    "unseen_character": ("含有看不见的字符", "remove control characters and marks without a form"),
    "name_malformed": ("姓名须含文字且不含连续数字", "give a name of letters, without numbers"),
    "phone_malformed": (
        "应为 11 位手机号，或区号加 7、8 位固定电话号码",
        "give a mobile number of 11 digits, or a landline of area code and 7 or 8 digits",
    ),
}
"""Code → the way out, in Chinese and English. Those of ID numbers stand with the rules of intake."""


class Kind(StrEnum):
    """What an identifier is."""

    NAME = "name"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    ADDRESS = "address"

    @property
    def is_looked_up(self) -> bool:
        """Whether households are found by it. A name and an address are too easy to guess to be hashed."""
        return self in {Kind.ID_NUMBER, Kind.PHONE}


def normalise(kind: Kind, given: object) -> str:
    """The value in the form it is kept in; raises `ValueRefused`.

    NFKC (full-width digits and letters become plain ones), spaces trimmed; an ID number in capitals and
    checked by GB 11643; a phone without country code, spaces and hyphens.
    """
    if not isinstance(given, str):
        raise _refused("not_text")
    text = _SPACES.sub(" ", unicodedata.normalize("NFKC", given)).strip()
    if not text:
        raise _refused("empty")
    if any(unicodedata.category(one) in _UNSEEN for one in text):
        raise _refused("unseen_character")
    return _FORMS[kind](text)


def _id_number(text: str) -> str:
    number = text.replace(" ", "").upper()
    try:
        made = _ID_NUMBER.parse(number)
        if len(number) != LENGTH:
            raise _ID_NUMBER.defect("id_number_length")
    except Defect as defect:
        raise ValueRefused(defect.code, defect.way_out, defect.way_out_zh) from None
    assert isinstance(made, str)
    return made


def _phone(text: str) -> str:
    number = _PHONE_MARKS.sub("", text)
    if found := _COUNTRY.match(number):
        number = number[found.end() :]
    if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number):
        return number
    raise _refused("phone_malformed")


def _name(text: str) -> str:
    name = _BETWEEN_HANZI.sub("", text)
    if len(name) > _LONGEST["name"]:
        raise _refused("too_long")
    # A number in the place of a name is a table whose columns have moved.
    if not any(one.isalpha() or unicodedata.category(one) == "Co" for one in name) or re.search(
        r"\d{2}", name
    ):
        raise _refused("name_malformed")
    return name


def _address(text: str) -> str:
    if len(text) > _LONGEST["address"]:
        raise _refused("too_long")
    return text


def _refused(code: str) -> ValueRefused:
    zh, en = REFUSALS[code]
    return ValueRefused(code, en, zh)


_FORMS = {Kind.NAME: _name, Kind.ID_NUMBER: _id_number, Kind.PHONE: _phone, Kind.ADDRESS: _address}
