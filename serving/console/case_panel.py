"""What the household page shows of its case: where it stands, its deadlines, what may be and was done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from features import FEATURES
from features.policy.sources import source_text
from scoring.reasons import feature_label, value_text
from scoring.texts import catalogue
from serving.cases.case import Case
from serving.cases.channel import Channel
from serving.cases.clocks import CaseClock, find_term
from serving.cases.facts import CodeFact, CodesFact, CountFact, DayFact, Fact, FlagFact
from serving.cases.lead import Lead
from serving.cases.lead_code import Department
from serving.cases.moves import MOVES, Move
from serving.cases.people import role_text
from serving.cases.practice import Practice, get_practice
from serving.cases.run_leads import SIGNALS
from serving.cases.state import CaseState
from serving.console.fields import Form
from serving.console.my_list import due_text
from serving.console.numbers import percent
from serving.console.texts import texts

FACT = "fact."
"""What the fields of a move's facts begin with."""
MORE = ".more"
_ASIDE = frozenset({CaseState.EXCLUDED, CaseState.JOINED})
"""Where a case leaves the way that the others go."""
_CHANNELS = {
    Channel.DECLARATION: "channel_declaration",
    Channel.SWEEP: "channel_sweep",
    Channel.DEPARTMENT: "channel_department",
    Channel.GRID: "channel_grid",
    Channel.SCORE: "channel_score",
}


def case_view(
    case: Case,
    clocks: Iterable[CaseClock],
    today: dt.date,
    language: str,
) -> dict[str, Any]:
    """Everything the template writes of a case as it stands."""
    words, practice = texts(language), get_practice(case.practice)
    grade = practice.grade(case.grade)
    causes = {code: {"zh": zh, "en": en} for code, zh, en in _codes_of("approve", "causes")}
    types = {code: {"zh": zh, "en": en} for code, zh, en in _codes_of("approve", "object_type")}
    return {
        "id": case.id,
        "version": case.version,
        "is_closed": case.is_closed,
        "steps": _steps(case, practice, language),
        "practice": _said(practice, language),
        "practice_source": practice.source if language == "zh" else practice.source_en,
        "level": _said(grade, language),
        "theme": catalogue(language)["themes"].get(case.theme, case.theme),
        "owner": role_text(case.owner, language),
        "is_hard": case.is_hard,
        "is_green_lane": case.is_green_lane,
        "opened_on": case.opened_on.isoformat(),
        "identified_on": case.identified_on.isoformat() if case.identified_on else None,
        "last_visited_on": case.last_visited_on.isoformat() if case.last_visited_on else None,
        "object_type": types[case.object_type][language] if case.object_type else None,
        "causes": [f"{one} {causes[one][language]}" if one in causes else one for one in case.causes],
        "due": due_text(case.due_on, today, language),
        "is_overdue": case.due_on is not None and case.due_on < today,
        "clocks": [_clock(one, case, today, language) for one in clocks if one.is_running],
        "assumed": words["assumption_mark"] if practice.assumptions else None,
    }


def move_form(move: Move, case: Case, today: dt.date, language: str) -> dict[str, Any]:
    """One move as a form: its name and the fields of its facts."""
    return {
        "name": move.name,
        "text": _said(move, language),
        "fields": [_field(one, case, today, language) for one in move.facts],
    }


def read_facts_of(move: Move, form: Form) -> dict[str, Any]:
    """The facts of a move as a page sent them; whether they are right the rules of cases say."""
    made: dict[str, Any] = {}
    for fact in move.facts:
        given = form.find(FACT + fact.name)
        if isinstance(fact, CodesFact):
            several = [given, *(one for one in form.all(FACT + fact.name + MORE) if one != given)]
            chosen = [one for one in several if one is not None]
            if chosen:
                made[fact.name] = chosen
        elif given is not None:
            made[fact.name] = _value(fact, given)
    return made


def history_view(moves: Iterable[Any], practice: Practice, language: str) -> list[dict[str, Any]]:
    """What was done with a case, the latest first."""
    return [
        {
            "on": one.effective_on.isoformat(),
            "text": _said(MOVES[one.move], language) if one.move in MOVES else one.move,
            "to": _said(practice.step(one.to_state), language),
            "role": role_text(one.role, language),
            "facts": [
                {"label": label, "value": value}
                for label, value in _facts(MOVES.get(one.move), one.facts, language)
            ],
        }
        for one in reversed(list(moves))
    ]


def leads_view(leads: Iterable[Lead], language: str) -> list[dict[str, Any]]:
    """What every channel reported, the latest known first; facts with their source and both dates."""
    words = texts(language)
    return [
        {
            "channel": words[_CHANNELS[one.channel]],
            "text": _said(one.said, language),
            "facts": _lead_facts(one, language),
            "source": _source_text(one.source, language),
            "theme": catalogue(language)["themes"].get(one.theme, one.theme),
            "is_hard": one.is_hard,
            "dates": words["lead_dates"].format(
                occurred=one.occurred_on.isoformat(), known=one.known_on.isoformat()
            ),
        }
        for one in sorted(leads, key=lambda each: each.known_on, reverse=True)
    ]


def _steps(case: Case, practice: Practice, language: str) -> list[dict[str, Any]]:
    """The county's steps in order, each once; where the case stands is marked, and what it has behind it."""
    made: list[dict[str, Any]] = []
    states = [one for one in practice.steps if one not in _ASIDE]
    if case.state not in states:
        states = [case.state]
    at = states.index(case.state)
    for place, state in enumerate(states):
        step = practice.step(state)
        said = _said(step, language)
        if made and made[-1]["text"] == said:
            made[-1]["is_now"] |= place == at
            made[-1]["is_past"] &= place < at
            continue
        made.append(
            {
                "text": said, "is_now": place == at, "is_past": place < at,
                "is_assumption": step.is_assumption,
            }
        )  # fmt: skip
    return made


def _clock(clock: CaseClock, case: Case, today: dt.date, language: str) -> dict[str, Any]:
    term = find_term(clock.clock, case.village_code, clock.started_on)
    return {
        "text": clock.clock.text(language),
        "due_on": clock.due_on.isoformat(),
        "due": due_text(clock.due_on, today, language) if not term.is_least else None,
        "is_overdue": clock.due_on < today and not term.is_least,
        "started_on": clock.started_on.isoformat(),
        "is_assumption": term.is_assumption,
        "source": source_text(term.source, language),
    }


def _field(fact: Fact, case: Case, today: dt.date, language: str) -> dict[str, Any]:
    words = texts(language)
    made: dict[str, Any] = {
        "name": FACT + fact.name,
        "label": _said(fact, language),
        "is_required": fact.is_required,
        "most": None,
        "value": "",
        "options": [],
        "more": None,
    }
    match fact:
        case DayFact():
            # A visit that nobody recorded has no day: one that is filled in would be sent as it stands.
            day = case.last_visited_on if fact.name == "visited_on" else today
            made |= {"kind": "date", "value": "" if fact.may_lie_ahead or day is None else day.isoformat()}
            made["most"] = None if fact.may_lie_ahead else today.isoformat()
        case CountFact():
            made |= {"kind": "number", "least": fact.least}
        case FlagFact():
            made |= {"kind": "choice", "options": [("yes", words["yes"]), ("no", words["no"])]}
        case CodesFact():
            options = [(code, f"{code} {zh if language == 'zh' else en}") for code, zh, en in fact.codes]
            made |= {"kind": "select", "options": options, "more": FACT + fact.name + MORE}
            # What was found before stands until somebody takes it away.
            made |= {"value": case.causes[0] if case.causes else "", "chosen": case.causes[1:]}
        case CodeFact():
            made |= {
                "kind": "select",
                "options": [(code, zh if language == "zh" else en) for code, zh, en in fact.codes],
            }
    return made


def _source_text(source: str, language: str) -> str | None:
    """A department's name. Others have a key, which tells a reader no more than the channel does."""
    if source == SIGNALS:
        return texts(language)["lead_of_signals"]
    return _said(Department(source), language) if source in set(Department) else None


def _value(fact: Fact, given: str) -> Any:
    match fact:
        case CountFact():
            return int(given) if given.isascii() and given.isdigit() and len(given) < 8 else given
        case FlagFact():
            return {"yes": True, "no": False}.get(given, given)
        case _:
            return given


def _facts(move: Move | None, facts: Mapping[str, Any], language: str) -> Iterable[tuple[str, str]]:
    words = texts(language)
    for fact in move.facts if move else ():
        value = facts.get(fact.name)
        if value is None:
            continue
        if isinstance(fact, CodeFact):
            named = {code: zh if language == "zh" else en for code, zh, en in fact.codes}
            several = value if isinstance(value, list) else [value]
            said = ("、" if language == "zh" else ", ").join(str(named.get(one, one)) for one in several)
        elif isinstance(value, bool):
            said = words["yes" if value else "no"]
        else:
            said = str(value)
        yield _said(fact, language), said


def _lead_facts(lead: Lead, language: str) -> list[dict[str, str]]:
    """What a lead rests on, where it has a number: of a trigger the value and the level it reached."""
    facts, words = lead.facts, texts(language)
    if "feature" in facts and facts["feature"] in FEATURES:
        feature = facts["feature"]
        made = [
            {
                "label": feature_label(feature, language),
                "value": value_text(feature, facts["value"], language),
            }
        ]
        level = value_text(feature, facts["level"], language)
        if facts.get("is_assumption"):
            level = f"{level} ({words['assumption_mark']})"
        return [*made, {"label": words["lead_level"], "value": level}]
    if "score" in facts:
        return [{"label": words["column_score"], "value": percent(facts["score"])}]
    return []


def _codes_of(move: str, fact: str) -> tuple[tuple[str, str, str], ...]:
    found = next(one for one in MOVES[move].facts if one.name == fact)
    assert isinstance(found, CodeFact)
    return found.codes


def _said(named: Any, language: str) -> str:
    said: str = named.zh if language == "zh" else named.en
    return said
