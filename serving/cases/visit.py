"""The form of a visit: what was found at the door, in fixed words alone. Nothing in it is about a person.

An answer to a reason of the score is a label for those who make models: it never changes a score.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from features.errors import PolicyError
from features.policy import DEFAULT_REGION, policy_value
from serving.cases.account import VisitAccount, read_account
from serving.cases.correction import Correction, read_correction
from serving.cases.document import DocumentReader
from serving.cases.guarantees import Guarantees, read_guarantees
from serving.errors import FieldError, Problem

MOST_CAUSES = 5
"""Official causes of a household, the main one first (DOMAIN §2)."""
MOST_ANSWERS = 20
MOST_CORRECTIONS = 20
_KEY = re.compile(r"[0-9A-Za-z_-]{16,64}")
_FAMILY = re.compile(r"[0-9a-z_.]{1,40}")


class Finding(StrEnum):
    """What was found; the words of training's table of visits."""

    DIFFICULTY = "difficulty"
    NO_DIFFICULTY = "no_difficulty"
    NOT_MET = "not_met"


class Rigid(StrEnum):
    """Large spending that cannot be put off (刚性支出): treatment, schooling, an accident."""

    NONE = "none"
    SOLVED = "solved"
    UNSOLVED = "unsolved"


class Why(StrEnum):
    """Why a visitor disagrees with a reason of the score."""

    NOT_SO = "not_so"
    OUTDATED = "outdated"
    SOLVED = "solved"
    COUNTED_TWICE = "counted_twice"
    OTHER_HOUSEHOLD = "other_household"
    NO_BURDEN = "no_burden"


PROTECTIVE = (
    "stable_work", "new_income", "bills_reimbursed", "help_arrived", "kin_support", "savings", "insured",
)  # fmt: skip
"""What speaks for a household, as found at the door."""

UNSAFE = ("unsafe_house", "unsafe_water")
"""Causes of their own (因住房安全, 因饮水安全) that have no number in the list of codes."""

PARTS = (
    "submission_key", "visited_on", "finding", "account", "guarantees", "rigid_spending", "answers", "causes",
    "corrections", "protective",
)  # fmt: skip
_NOT_OF_NOBODY = PARTS[3:]
_RULES = ("monitoring_line", "reason_codes", "case_clock_days")


@dataclass(frozen=True)
class ReasonAnswer:
    """What a visitor says of one reason, named by its family as the assessment has it."""

    family: str
    is_agreed: bool
    why: Why | None

    def as_json(self) -> dict[str, Any]:
        """As it is stored and told."""
        return {"family": self.family, "is_agreed": self.is_agreed, "why": self.why}


@dataclass(frozen=True)
class VisitForm:
    """One visit as it was handed in."""

    submission_key: str
    visited_on: dt.date
    finding: Finding
    account: VisitAccount | None = None
    guarantees: Guarantees | None = None
    rigid_spending: Rigid | None = None
    answers: tuple[ReasonAnswer, ...] = ()
    causes: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    protective: tuple[str, ...] = field(default=())

    def kept(self) -> dict[str, Any]:
        """What is stored of it beside its dates and finding; the same form gives the same document."""
        return {
            "account": self.account.kept() if self.account else None,
            "guarantees": self.guarantees.as_json() if self.guarantees else None,
            "rigid_spending": self.rigid_spending,
            "answers": [one.as_json() for one in self.answers],
            "causes": list(self.causes),
            "protective": list(self.protective),
            "corrections": [
                {"feed": one.feed, "row": dict(one.row), "replaces": one.replaces} for one in self.corrections
            ],
        }

    @property
    def has_gap(self) -> bool:
        """Whether a guarantee was found lacking."""
        return self.guarantees is not None and bool(self.guarantees.gaps)

    @property
    def surfaces(self) -> bool:
        """Whether the household has to be looked after whatever a score says: difficulty or a gap."""
        return self.finding is Finding.DIFFICULTY or self.has_gap


def cause_codes(on: dt.date, region: str = DEFAULT_REGION) -> tuple[str, ...]:
    """The codes of causes in force on a day, and the two that have no number."""
    return (*policy_value("reason_codes", region, on).value, *UNSAFE)


def entry_days(today: dt.date, region: str = DEFAULT_REGION) -> int:
    """Within how many days a visit has to be recorded; a policy number."""
    return int(policy_value("visit_entry_days", region, today).value)


def read_visit(document: Any, household_id: str, today: dt.date, region: str = DEFAULT_REGION) -> VisitForm:
    """The form of a document; raises `Problem` (422) with everything that is wrong with it."""
    reader = DocumentReader()
    there = reader.object(document, "", PARTS, PARTS[:3])
    key = _read_key(reader, there)
    finding = reader.word(there["finding"], "/finding", tuple(Finding)) if "finding" in there else None
    day = reader.day(there["visited_on"], "/visited_on") if "visited_on" in there else None
    if day is not None and day > today:
        reader.add("/visited_on", "in_the_future", "give the day of the visit, today at the latest")
        day = None
    if day is not None and not _is_known(day, region):
        reader.add("/visited_on", "before_policy", "give a later day: no rules are known for that one")
        day = None
    if day is None or finding is None:
        reader.check()
    assert day is not None
    assert finding is not None
    if finding == Finding.NOT_MET:
        for name in _NOT_OF_NOBODY:
            if there.pop(name, None):
                reader.add(f"/{name}", "not_taken", "leave it out: nobody was met")
    causes = _read_causes(reader, there.get("causes", []), Finding(finding), day, region)
    form = VisitForm(
        key,
        day,
        Finding(finding),
        read_account(reader, there["account"], "/account", day) if "account" in there else None,
        read_guarantees(reader, there["guarantees"], "/guarantees") if "guarantees" in there else None,
        _read_rigid(reader, there),
        _read_answers(reader, there.get("answers", [])),
        causes,
        _read_corrections(reader, there.get("corrections", []), household_id, day),
        _read_words(reader, there.get("protective", []), "/protective", PROTECTIVE),
    )
    reader.check()
    return form


def check_in_time(form: VisitForm, today: dt.date, region: str = DEFAULT_REGION) -> None:
    """Raise `Problem` (422) for a visit of longer ago than visits are recorded."""
    most = entry_days(today, region)
    if form.visited_on < today - dt.timedelta(days=most):
        way_out = f"give the day of the visit, at most {most} days ago"
        raise Problem("request_invalid", errors=[FieldError("/visited_on", "too_long_ago", way_out)])


def check_since(form: VisitForm, opened_on: dt.date) -> None:
    """Raise `Problem` (422) for a visit of before the case's first lead."""
    if form.visited_on < opened_on:
        error = FieldError("/visited_on", "before_lead", "give a day on or after the case's first lead")
        raise Problem("request_invalid", errors=[error])


def check_answers(form: VisitForm, families: Collection[str]) -> None:
    """Raise `Problem` (422) for an answer to a reason that the household's score does not have."""
    errors = [
        FieldError(f"/answers/{at}/family", "unknown_reason", "name a reason of the household's last score")
        for at, one in enumerate(form.answers)
        if one.family not in families
    ]
    if errors:
        raise Problem("request_invalid", errors=errors)


def families_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The families of all reasons of an assessment."""
    return tuple(one["family"] for name in ("risk_reasons", "protective_reasons") for one in body[name])


def _is_known(day: dt.date, region: str) -> bool:
    """Whether line, causes and deadlines of a day are known, by which a visit is judged."""
    try:
        for one in _RULES:
            policy_value(one, region, day)
    except PolicyError:
        return False
    return True


def _read_key(reader: DocumentReader, there: Mapping[str, Any]) -> str:
    given = there.get("submission_key", "")
    if "submission_key" in there and not (isinstance(given, str) and _KEY.fullmatch(given)):
        reader.add("/submission_key", "malformed", "give 16 to 64 letters, digits, _ and -, such as a UUID")
        return ""
    return str(given)


def _read_rigid(reader: DocumentReader, there: Mapping[str, Any]) -> Rigid | None:
    given = there.get("rigid_spending")
    word = None if given is None else reader.word(given, "/rigid_spending", tuple(Rigid))
    return None if word is None else Rigid(word)


def _read_causes(
    reader: DocumentReader, given: Any, finding: Finding, day: dt.date, region: str
) -> tuple[str, ...]:
    causes = _read_words(reader, given, "/causes", cause_codes(day, region), MOST_CAUSES)
    if finding is Finding.DIFFICULTY and given == []:
        reader.add("/causes", "missing", "give the cause of the difficulty, the main one first")
    if finding is Finding.NO_DIFFICULTY and causes:
        reader.add("/causes", "not_taken", "leave it out: no difficulty was found")
    return causes


def _read_words(
    reader: DocumentReader, given: Any, at: str, words: Collection[str], most: int = MOST_ANSWERS
) -> tuple[str, ...]:
    made: list[str] = []
    for number, one in enumerate(reader.array(given, at, most)):
        word = reader.word(one, f"{at}/{number}", words)
        if word in made:
            reader.add(f"{at}/{number}", "repeated", "give each once")
        elif word is not None:
            made.append(word)
    return tuple(made)


def _read_answers(reader: DocumentReader, given: Any) -> tuple[ReasonAnswer, ...]:
    made: list[ReasonAnswer] = []
    for number, one in enumerate(reader.array(given, "/answers", MOST_ANSWERS)):
        at = f"/answers/{number}"
        there = reader.object(one, at, ("family", "is_agreed", "why"), ("family", "is_agreed"))
        family = there.get("family", "")
        if "family" in there and not (isinstance(family, str) and _FAMILY.fullmatch(family)):
            reader.add(f"{at}/family", "malformed", "give the family of a reason as the assessment has it")
            family = ""
        if family and any(other.family == family for other in made):
            reader.add(f"{at}/family", "repeated", "answer each reason once")
        is_agreed = reader.flag(there["is_agreed"], f"{at}/is_agreed") if "is_agreed" in there else None
        why = reader.word(there["why"], f"{at}/why", tuple(Why)) if "why" in there else None
        if is_agreed is False and "why" not in there:
            reader.add(f"{at}/why", "missing", "say why the reason does not hold")
        if is_agreed and "why" in there:
            reader.add(f"{at}/why", "not_taken", "leave it out: the reason holds")
        made.append(ReasonAnswer(str(family), bool(is_agreed), Why(why) if why else None))
    return tuple(made)


def _read_corrections(
    reader: DocumentReader, given: Any, household_id: str, day: dt.date
) -> tuple[Correction, ...]:
    items = reader.array(given, "/corrections", MOST_CORRECTIONS)
    read = (
        read_correction(reader, one, f"/corrections/{number}", household_id, day)
        for number, one in enumerate(items)
    )
    return tuple(one for one in read if one is not None)
