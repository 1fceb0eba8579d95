"""A county's way of working: grades, names of steps, whose turn it is, which clocks run and moves are used.

Configuration, dated and sourced like policy, in `serving/cases/practices/`. What no document tells of a
county has the status `assumption`, and whoever reads it is told so. Files are checked when they are read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from serving.cases.clocks import Clock
from serving.cases.errors import PracticeError
from serving.cases.practice_file import read_form
from serving.cases.practice_parts import Grade, HouseholdClass, Step, Strategy
from serving.cases.state import CaseState

DEFAULT = "default"


@dataclass(frozen=True)
class Practice:
    """One county's practice in the form that is in force from `effective_from` on.

    `assumptions` are the parts (``grades``, ``owners``, ``clocks``, ``moves``, ``classes``) that no document
    gives.
    """

    name: str
    zh: str
    en: str
    effective_from: dt.date
    source: str
    source_en: str
    grades: tuple[Grade, ...]
    steps: Mapping[CaseState, Step]
    owners: Mapping[CaseState, str]
    state_clocks: Mapping[CaseState, frozenset[Clock]]
    moves: tuple[str, ...]
    assumptions: frozenset[str]
    classes: tuple[HouseholdClass, ...] = ()
    strategies: tuple[Strategy, ...] = ()

    @property
    def key(self) -> str:
        """What a case keeps of its practice: the name and the form, ``nanchuan@2025-02-24``."""
        return f"{self.name}@{self.effective_from.isoformat()}"

    def grade_of(self, score_grade: str | None, is_hard: bool) -> int:
        """The level of a household, 1 the most urgent, by its score's grade and hard triggers."""
        return next(one.level for one in self.grades if one.takes(score_grade, is_hard))

    def grade(self, level: int) -> Grade:
        """The grade of a level; a level of an older form beyond the last is the last."""
        return self.grades[min(level, len(self.grades)) - 1]

    def step(self, state: CaseState) -> Step:
        """What the county calls the step that a state belongs to."""
        return self.steps[state]

    def owner(self, state: CaseState) -> str:
        """The role whose turn it is in a state."""
        return self.owners[state]

    def clocks(self, state: CaseState) -> frozenset[Clock]:
        """The clocks that begin when a case comes into a state, where its move starts them."""
        return self.state_clocks[state]

    def class_of(self, causes: tuple[str, ...], object_type: str | None) -> HouseholdClass | None:
        """The class of a household by its causes, where the county has classes: of the first that has one."""
        for cause in causes:
            for one in self.classes:
                if one.takes(cause, object_type):
                    return one
        return next((one for one in self.classes if one.is_rest), None)


def practice_of(village_code: str, on: dt.date) -> Practice:
    """The practice of a village's county on a date: before its first known form the general one's.

    Raises `PracticeError` for a date before that one's first form, too.
    """
    areas = {area: name for name in practice_names() for area in _areas(name)}
    fitting = [area for area in areas if village_code.startswith(area)]
    name = areas[max(fitting, key=len)] if fitting else DEFAULT
    for forms in (forms_of(name), forms_of(DEFAULT)):
        if in_force := [one for one in forms if one.effective_from <= on]:
            return in_force[-1]
    first = forms_of(DEFAULT)[0].effective_from
    raise PracticeError(
        f"practices/{DEFAULT}.yaml: the first form is of {first}; add an earlier, sourced one"
    )


def get_practice(key: str) -> Practice:
    """The practice that a case was opened under; raises `PracticeError` where its form is gone."""
    name, _, _ = key.partition("@")
    if name in practice_names():
        for one in forms_of(name):
            if one.key == key:
                return one
    raise PracticeError("the practice that a case was opened under is not there: put its file and form back")


@cache
def practice_names() -> tuple[str, ...]:
    """The practices that there are: the files of the folder."""
    files = resources.files(__package__).joinpath("practices").iterdir()
    return tuple(sorted(one.name.removesuffix(".yaml") for one in files if one.name.endswith(".yaml")))


@cache
def forms_of(name: str) -> tuple[Practice, ...]:
    """Every form of a practice, oldest first; raises `PracticeError` for a file that is wrong."""
    return build_forms(name, _document(name))


def build_forms(name: str, document: Any) -> tuple[Practice, ...]:
    """The forms that a file tells of; raises `PracticeError` naming the key that is wrong."""
    where = f"practices/{name}.yaml"
    if not isinstance(document, dict) or not isinstance(document.get("forms"), list) or not document["forms"]:
        raise PracticeError(f"{where}: forms: give a list of dated forms")
    title = document.get("title")
    if not isinstance(title, dict) or not title.get("zh") or not title.get("en"):
        raise PracticeError(f"{where}: title: give zh and en")
    areas = document.get("areas")
    if not isinstance(areas, list) or not all(isinstance(one, str) for one in areas):
        raise PracticeError(f"{where}: areas: give a list of area codes as texts")
    if unknown := document.keys() - {"forms", "title", "areas"}:
        raise PracticeError(f"{where}: {min(map(str, unknown))}: there is no such key")
    made = tuple(
        Practice(name=name, zh=title["zh"], en=title["en"], **read_form(f"{where}: forms[{at}]", form))
        for at, form in enumerate(document["forms"])
    )
    dates = [one.effective_from for one in made]
    if dates != sorted(set(dates)):
        raise PracticeError(f"{where}: forms: they stand in order of date, each once")
    return made


@cache
def _document(name: str) -> Any:
    text = resources.files(__package__).joinpath("practices", f"{name}.yaml").read_text(encoding="utf-8")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise PracticeError(f"practices/{name}.yaml: is no YAML") from None


def _areas(name: str) -> tuple[str, ...]:
    forms_of(name)
    return tuple(_document(name)["areas"])
