"""The log is read in words: every action, purpose and role, in both languages, and when in China's time."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from scoring.texts import LANGUAGES
from serving.access import Role
from serving.access.purpose import Purpose
from serving.console.audit_routes import _Asked, _view
from serving.console.moments import china_time
from serving.console.texts import texts
from serving.storage.audit import Entry
from serving.storage.audit_actions import Action, Outcome

AT = dt.datetime(2026, 11, 2, 20, 30, 15, tzinfo=dt.UTC)


def entry(action: str, purpose: str = "") -> Entry:
    return Entry(
        7, AT, "p0123456789a", "village_official", "500999100201", action, "f" * 64, Outcome.SHOWN.value,
        "0" * 64, "1" * 64, purpose,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_and_purpose_is_told_in_words(language: str) -> None:
    entries = [entry(one.value) for one in Action] + [entry("result_read", one.value) for one in Purpose]
    view = _view(entries, _Asked(), language)
    actions = [one["text"] for one in view["actions"]]
    assert len(set(actions)) == len(Action)
    assert [one["key"] for one in view["actions"]] == [one.value for one in Action]
    told = [*actions, *(one[name] for one in view["items"] for name in ("action", "purpose", "role"))]
    for said in filter(None, told):
        assert "_" not in said
        assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (language == "zh"), said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_its_word(role: Role, language: str) -> None:
    assert texts(language)[f"role_{role.value}"].strip()


def test_an_entry_of_a_version_that_is_gone_is_told_by_its_code() -> None:
    (item,) = _view([entry("household_sung", "singing")], _Asked(), "zh")["items"]
    assert (item["action"], item["purpose"]) == ("household_sung", "singing")


def test_moments_are_chinas_whatever_zone_they_come_in() -> None:
    assert china_time(AT) == "2026-11-03 04:30"
    there = AT.astimezone(dt.timezone(dt.timedelta(hours=-5)))
    assert china_time(there, has_seconds=True) == "2026-11-03 04:30:15"
    (item,) = _view([entry("signed_in")], _Asked(), "zh")["items"]
    assert (item["day"], item["time"]) == ("2026-11-03", "04:30:15")
    with pytest.raises(ValueError, match="time zone"):
        china_time(dt.datetime(2026, 11, 2))
