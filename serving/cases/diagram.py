"""The diagram of the moves, drawn from their table (Mermaid), and the tables beside it."""

from __future__ import annotations

from serving.cases.moves import MOVES
from serving.cases.people import role_text
from serving.cases.practice import forms_of, practice_names
from serving.cases.state import CLOSED, CaseState

BEGIN, END = (
    "<!-- moves: written by `python -m serving cases diagram`; change the code -->",
    "<!-- /moves -->",
)

STATE_TEXTS = {
    CaseState.FOUND: "发现",
    CaseState.ALERTED: "预警",
    CaseState.VERIFYING: "核实",
    CaseState.REVIEWING: "评议公示",
    CaseState.APPROVING: "审定",
    CaseState.HELPING: "帮扶",
    CaseState.FOLLOWING: "跟踪",
    CaseState.RESOLVED: "消除",
    CaseState.EXCLUDED: "排除",
    CaseState.JOINED: "并入回退",
}


def diagram() -> str:
    """The moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{STATE_TEXTS[one]} {one.value}" as {one.value}' for one in CaseState]
    lines.append(f"    [*] --> {CaseState.FOUND.value}: 线索 leads")
    for move in MOVES.values():
        for state in move.from_states:
            lines.append(f"    {state.value} --> {move.reaches(state).value}: {move.zh} {move.name}")
    lines += [f"    {one.value} --> [*]" for one in CaseState if one in CLOSED]
    return "\n".join(lines)


def moves_table() -> str:
    """The moves as a table of Markdown."""
    lines = ["| move | 中文 | from → to | who | facts | clocks | log |", "|---|---|---|---|---|---|---|"]
    for move in MOVES.values():
        way = f"{', '.join(move.from_states)} → {move.to_state or 'stays'}"
        if move.made_with:
            way += f", with `{move.made_with}` of another case"
        who = ", ".join(role_text(one, "en") for one in move.roles)
        facts = ", ".join(f"`{one.name}`" for one in move.facts) or "–"
        clocks = ", ".join([
            *(f"+{one}" for one in sorted(move.starts)),
            *(f"−{one}" for one in sorted(move.stops)),
        ])
        lines.append(
            f"| `{move.name}` | {move.zh} | {way} | {who} | {facts} | {clocks or '–'} | `{move.event}` |"
        )
    return "\n".join(lines)


def practices_table() -> str:
    """What each county calls the steps; what no document gives has a mark."""
    forms = [forms_of(name)[-1] for name in practice_names()]
    lines = [
        "| state | " + " | ".join(f"{one.zh} `{one.key}`" for one in forms) + " |",
        "|---" * (len(forms) + 1) + "|",
    ]
    for state in CaseState:
        cells = [
            f"{step.zh}{' *' if step.is_assumption else ''}" for step in (one.step(state) for one in forms)
        ]
        lines.append(f"| `{state.value}` | " + " | ".join(cells) + " |")
    lines.append(
        "| grades | " + " | ".join("、".join(one.zh for one in form.grades) for form in forms) + " |"
    )
    lines.append(
        "| assumed | " + " | ".join(", ".join(sorted(form.assumptions)) or "–" for form in forms) + " |"
    )
    return "\n".join(lines)


def written() -> str:
    """What stands between the marks of `docs/explanation/cases.md`."""
    return "\n\n".join((
        BEGIN,
        f"```mermaid\n{diagram()}\n```",
        moves_table(),
        "`*`: no document gives the name.",
        practices_table(),
        END,
    ))


def put_into(page: str) -> str:
    """A page with the part between the marks written anew; raises `ValueError` where it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return before + written() + after
