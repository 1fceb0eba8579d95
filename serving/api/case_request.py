"""What is asked of cases, read strictly: the order of a move, the filter of a list; and how they are told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from features.errors import ContractError
from features.regions import check_area_code
from serving.cases.document import DocumentReader
from serving.cases.moves import MOVES, Move
from serving.cases.people import MOVERS
from serving.cases.state import CaseState
from serving.query import (
    count_parameter,
    query_parameter,
    read_count,
    read_text,
    read_word,
    refused,
)
from serving.storage.case_list import TOLD, CaseFilter, Due, Place

MOST_BYTES = 20_000
MOST_CASES = 100
MOST_GRADE = 9
THEMES = ("production", "employment", "illness", "accident", "schooling", "guarantees", "other")
_MOST_VERSION = 2**31 - 1
_BEGUN: dict[str, Move] = {name: one for name, one in MOVES.items() if one.made_with is None}
"""The moves that somebody can ask for."""


@dataclass(frozen=True)
class MoveOrder:
    """One move that is asked for: the version that was looked at, the move, and its facts, not read yet."""

    version: int
    move: str
    facts: Any

    def fingerprint(self, case_id: str) -> str:
        """A hash over what is asked, so that a repeated key is known to ask the same."""
        said = [case_id, self.version, self.move, self.facts]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_order(document: Any) -> MoveOrder:
    """The order of a body; raises `Problem` with everything that is wrong with its form."""
    reader = DocumentReader()
    there = reader.object(document, "", ("version", "move", "facts"), ("version", "move"))
    version = reader.count(there["version"], "/version", 1, _MOST_VERSION) if "version" in there else None
    move = reader.word(there["move"], "/move", _BEGUN) if "move" in there else None
    facts = there.get("facts", {})
    if not isinstance(facts, dict):
        reader.add("/facts", "not_an_object", "give an object of facts")
    reader.check()
    assert version is not None
    assert move is not None
    return MoveOrder(version, move, facts)


def read_filter(request: Request) -> CaseFilter:
    """The filter of a list; raises `Problem` for a word that there is none of."""
    states = read_text(request, "state")
    asked = states.split(",") if states is not None else []
    if any(one not in tuple(CaseState) for one in asked):
        raise refused(
            "state", "unknown_category", f"give some of {', '.join(CaseState)}, with commas between"
        )
    due = read_word(request, "due", tuple(Due))
    grade = read_text(request, "grade")
    return CaseFilter(
        states=frozenset(map(CaseState, asked)),
        owner=read_word(request, "owner", MOVERS),
        due=Due(due) if due else None,
        theme=read_word(request, "theme", THEMES),
        grade=None if grade is None else read_count(request, "grade", default=1, most=MOST_GRADE),
        area=_area(request),
        told=read_word(request, "told", TOLD),
    )


def read_place(request: Request) -> Place | None:
    """Where the page before ended; raises `Problem` for a mark that was never given out."""
    given = read_text(request, "cursor")
    if given is None:
        return None
    try:
        return Place.read(given)
    except ValueError:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is") from None


def _area(request: Request) -> str:
    given = read_text(request, "area")
    if given is None:
        return ""
    try:
        return check_area_code(given)
    except ContractError:
        raise refused("area", "malformed", "give an area code") from None


LIST_PARAMETERS = [
    query_parameter(
        "state",
        {"type": "string", "pattern": f"^({'|'.join(CaseState)})(,({'|'.join(CaseState)}))*$"},
        "States, with commas between; every state if left out",
        example="alerted,verifying",
    ),
    query_parameter("owner", {"type": "string", "enum": list(MOVERS)}, "Whose turn it is"),
    query_parameter(
        "due", {"type": "string", "enum": list(Due)},
        "By the earliest deadline: past, today, or within three days; of a closed case it is that of telling "
        "the result", example="overdue",
    ),
    query_parameter(
        "told", {"type": "string", "enum": list(TOLD)},
        "Overdue so long that this level is told; owner: nobody above",
    ),
    query_parameter("theme", {"type": "string", "enum": list(THEMES)}, "The main theme"),
    query_parameter("grade", {"type": "integer", "minimum": 1, "maximum": MOST_GRADE}, "The county's grade"),
    query_parameter("area", {"type": "string", "pattern": "^[0-9A-Z]+$"}, "An area within the caller's own"),
    count_parameter("limit", "How many at most", default=50, most=MOST_CASES),
    query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
]  # fmt: skip

EXAMPLE_ORDER: dict[str, Any] = {
    "version": 1, "move": "green_lane", "facts": {"event": "accident", "occurred_on": "2026-01-15"}
}  # fmt: skip


def move_request_body() -> dict[str, Any]:
    """The body of a move in OpenAPI 3.1: the facts that each move asks for stand in its own schema."""
    variants = []
    for move in _BEGUN.values():
        facts = {
            "type": "object",
            "additionalProperties": False,
            "required": [one.name for one in move.facts if one.is_required],
            "properties": {
                one.name: {**one.schema(), "description": f"{one.zh} / {one.en}"} for one in move.facts
            },
        }
        variants.append({
            "type": "object",
            "title": move.name,
            "description": f"{move.zh} / {move.en}: {', '.join(move.from_states)}; {', '.join(move.roles)}",
            "additionalProperties": False,
            "required": ["version", "move", *(["facts"] if facts["required"] else [])],
            "properties": {
                "version": {"type": "integer", "minimum": 1, "maximum": _MOST_VERSION},
                "move": {"type": "string", "const": move.name},
                "facts": facts,
            },
        })
    content = {"application/json": {"schema": {"oneOf": variants}, "example": EXAMPLE_ORDER}}
    return {"required": True, "content": content}
