"""Reading one form of a practice: whatever is wrong is told with the key that it stands under."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from features.policy.measures import groups
from serving.cases.clocks import Clock
from serving.cases.codes import CAUSES, OBJECT_TYPES
from serving.cases.errors import PracticeError
from serving.cases.moves import MOVES, OPENING_CLOCKS
from serving.cases.people import MOVERS
from serving.cases.practice_parts import Grade, HouseholdClass, Step, Strategy
from serving.cases.state import CaseState

SCORE_GRADES = ("high", "medium", "low")
_STATUSES = ("published", "assumption")
_KEYS = {"from", "source", "source_en", "grades", "steps", "owners", "clocks", "moves"}
_OPTIONAL = {"classes"}


def read_form(where: str, form: Any) -> dict[str, Any]:
    """The fields of a `Practice`; raises `PracticeError`."""
    _check_keys(where, form, _KEYS, _OPTIONAL)
    if not isinstance(form["from"], dt.date):
        raise PracticeError(f"{where}.from: give a date")
    for name in ("source", "source_en"):
        if not isinstance(form[name], str) or not form[name].strip():
            raise PracticeError(f"{where}.{name}: say where it is from")
    moves = _moves(f"{where}.moves", form["moves"])
    owners = _owners(f"{where}.owners", form["owners"], moves)
    parts = [name for name in ("grades", "owners", "clocks", "moves", "classes") if name in form]
    classes, strategies = _classes(f"{where}.classes", form["classes"]) if "classes" in form else ((), ())
    return {
        "effective_from": form["from"],
        "source": form["source"],
        "source_en": form["source_en"],
        "grades": _grades(f"{where}.grades", form["grades"]),
        "steps": _steps(f"{where}.steps", form["steps"]),
        "owners": owners,
        "state_clocks": _clocks(f"{where}.clocks", form["clocks"], moves),
        "moves": moves,
        "assumptions": frozenset(one for one in parts if form[one]["status"] == "assumption"),
        "classes": classes,
        "strategies": strategies,
    }


def _grades(where: str, part: Any) -> tuple[Grade, ...]:
    _check_keys(where, part, {"status", "levels"})
    _check_status(where, part)
    if not isinstance(part["levels"], list) or not part["levels"]:
        raise PracticeError(f"{where}.levels: give a list, the most urgent first")
    made = []
    for at, one in enumerate(part["levels"]):
        _check_keys(f"{where}.levels[{at}]", one, {"zh", "en", "score_grades", "is_of_hard"})
        _check_words(f"{where}.levels[{at}]", one)
        given = _texts(f"{where}.levels[{at}].score_grades", one["score_grades"], (*SCORE_GRADES, "none"))
        if not isinstance(one["is_of_hard"], bool):
            raise PracticeError(f"{where}.levels[{at}].is_of_hard: give true or false")
        grades = frozenset(None if word == "none" else word for word in given)
        made.append(Grade(at + 1, one["zh"], one["en"], grades, one["is_of_hard"]))
    taken = [word for one in made for word in one.score_grades]
    if sorted(map(str, taken)) != sorted(map(str, (*SCORE_GRADES, None))):
        raise PracticeError(f"{where}.levels: every grade of the score, and none, has to be in one level")
    if not any(one.is_of_hard for one in made):
        raise PracticeError(f"{where}.levels: hard triggers have to be in a level: they always surface")
    return tuple(made)


def _steps(where: str, part: Any) -> dict[CaseState, Step]:
    made = {}
    for state in _states(where, part):
        one = part[state.value]
        _check_keys(f"{where}.{state}", one, {"zh", "en", "status"})
        _check_words(f"{where}.{state}", one)
        _check_status(f"{where}.{state}", one)
        made[state] = Step(one["zh"], one["en"], one["status"] == "assumption")
    return made


def _owners(where: str, part: Any, moves: tuple[str, ...]) -> dict[CaseState, str]:
    _check_status(where, part)
    made = {}
    for state in _states(where, {key: one for key, one in part.items() if key != "status"}):
        role = part[state.value]
        if not isinstance(role, str) or role not in MOVERS:
            raise PracticeError(f"{where}.{state}: give one of {', '.join(MOVERS)}")
        of_state = [
            one for one in map(MOVES.__getitem__, moves) if state in one.from_states and one.made_with is None
        ]
        if of_state and not any(role in one.roles for one in of_state):
            raise PracticeError(f"{where}.{state}: {role} may make no move from there")
        made[state] = role
    return made


def _clocks(where: str, part: Any, moves: tuple[str, ...]) -> dict[CaseState, frozenset[Clock]]:
    _check_status(where, part)
    made = {}
    for state in _states(where, {key: one for key, one in part.items() if key != "status"}):
        given = _texts(f"{where}.{state}", part[state.value], [one.value for one in Clock])
        clocks = frozenset(map(Clock, given))
        startable = set(OPENING_CLOCKS) if state is CaseState.FOUND else set()
        for name in moves:
            if any(MOVES[name].reaches(one) is state for one in MOVES[name].from_states):
                startable |= MOVES[name].starts
        if idle := clocks - startable:
            raise PracticeError(f"{where}.{state}: no move into the state starts {min(idle)}")
        made[state] = clocks
    return made


def _moves(where: str, part: Any) -> tuple[str, ...]:
    _check_keys(where, part, {"status", "without"})
    _check_status(where, part)
    optional = [one.name for one in MOVES.values() if one.is_optional]
    without = _texts(f"{where}.without", part["without"], optional)
    left = tuple(name for name in MOVES if name not in without)
    if ("green_lane" in left) != ("regularise" in left):
        raise PracticeError(f"{where}.without: green_lane and regularise are used both or neither")
    return left


def _classes(where: str, part: Any) -> tuple[tuple[HouseholdClass, ...], tuple[Strategy, ...]]:
    _check_keys(where, part, {"status", "households", "strategies"})
    _check_status(where, part)
    strategies = []
    for name in ("strategies", "households"):
        if not isinstance(part[name], list):
            raise PracticeError(f"{where}.{name}: give a list")
    for at, one in enumerate(part["strategies"]):
        here = f"{where}.strategies[{at}]"
        _check_keys(here, one, {"code", "zh", "en", "groups"})
        _check_words(here, one, ("code", "zh", "en"))
        of_it = _texts(f"{here}.groups", one["groups"], groups())
        strategies.append(Strategy(one["code"], one["zh"], one["en"], of_it))
    known = [one.code for one in strategies]
    households = []
    for at, one in enumerate(part["households"]):
        here = f"{where}.households[{at}]"
        _check_keys(here, one, {"code", "zh", "en", "causes", "object_types", "strategies"})
        _check_words(here, one, ("code", "zh", "en"))
        causes = _texts(f"{here}.causes", one["causes"], [code for code, _, _ in CAUSES])
        types = _texts(f"{here}.object_types", one["object_types"], [code for code, _, _ in OBJECT_TYPES])
        called = _texts(f"{here}.strategies", one["strategies"], known)
        households.append(
            HouseholdClass(one["code"], one["zh"], one["en"], frozenset(causes), frozenset(types), called)
        )
    if sum(one.is_rest for one in households) != 1:
        raise PracticeError(f"{where}.households: one class takes the rest, without causes and types")
    return tuple(households), tuple(strategies)


def _texts(where: str, given: Any, known: Collection[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or any(not isinstance(one, str) or one not in known for one in given):
        raise PracticeError(f"{where}: give a list of {', '.join(known)}")
    return tuple(given)


def _states(where: str, part: Any) -> tuple[CaseState, ...]:
    _check_keys(where, part, {one.value for one in CaseState})
    return tuple(CaseState)


def _check_keys(where: str, part: Any, keys: set[str], optional: set[str] | None = None) -> None:
    if not isinstance(part, dict):
        raise PracticeError(f"{where}: give {', '.join(sorted(keys))}")
    if missing := keys - part.keys():
        raise PracticeError(f"{where}.{min(missing)}: is missing")
    if unknown := part.keys() - keys - (optional or set()):
        raise PracticeError(f"{where}.{min(map(str, unknown))}: there is no such key")


def _check_status(where: str, part: Any) -> None:
    if not isinstance(part, dict) or str(part.get("status")) not in _STATUSES:
        raise PracticeError(f"{where}.status: give {' or '.join(_STATUSES)}")


def _check_words(where: str, part: Any, names: tuple[str, ...] = ("zh", "en")) -> None:
    for name in names:
        if not isinstance(part[name], str) or not part[name].strip():
            raise PracticeError(f"{where}.{name}: give the words")
