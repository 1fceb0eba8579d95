"""What the board of an area shows: figures, a map and a table of its parts, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features import CONTRACTS
from features.policy import policy_value
from features.regions import AREA_LEVELS
from scoring.texts import catalogue
from scoring.themes import THEMES
from serving.access import Caller
from serving.access.policy import POLICIES
from serving.board import AreaBoard
from serving.cases.casework import OWNER
from serving.cases.channel import Channel
from serving.cases.clocks import region_of
from serving.cases.people import LEVELS, role_text
from serving.cases.state import CaseState
from serving.casework_desk import AreaCasework, Figures
from serving.console.map_view import map_view
from serving.console.navigation import CASES
from serving.console.stages import stage_names
from serving.console.texts import texts
from serving.disclosure import HOUSEHOLDS
from serving.map_file import AreaMap
from serving.storage.casework import LEAD_MONTHS, LIST_DAYS, VILLAGE

MAPPED = ("leads", "open", "overdue", "visited")
"""What the map may show of each part: new leads and open cases of 1,000 households, the share of open cases
that is late, and that of the lists' places that was visited."""
PER_PAGE = 100
_LIST = POLICIES[f"GET {CASES}"]
_BREAKDOWNS = {
    "leads": {"leads"}, "open": {"stages"}, "overdue": {"stages", "overdue"}, "visited": {"lists"}
}  # fmt: skip
"""What each number of the map is made of: it is kept back where any of it is."""
_COUNTED = {"open": {}, "overdue": {"due": "overdue"}}
"""Tiles that count cases, and what the list of cases is asked for to show them."""


def board_view(
    board: AreaBoard, area_map: AreaMap, caller: Caller, mapped: str, page: int, language: str
) -> dict[str, Any]:
    """Everything the template writes."""
    words, told = texts(language), board.casework
    names = sorted(told.below)
    pages = max(1, -(-len(names) // PER_PAGE))
    shown = names[(page - 1) * PER_PAGE : page * PER_PAGE]
    parts = {one: _part(board, area_map, one, language) for one in names}
    is_grid = told.level > VILLAGE
    return {
        "area": told.area_code,
        "name": area_map.name(told.area_code) or told.area_code,
        "level": words[f"level_{AREA_LEVELS[len(told.area_code)]}"],
        "on": told.on.isoformat(),
        "above": _above(caller, told.area_code, area_map),
        "is_small_kept_back": told.is_small_kept_back,
        "tiles": _tiles(board, language),
        "leads": _leads(told.figures, language),
        "leads_caption": words["board_leads_caption"].format(months=LEAD_MONTHS),
        "stages": _stages(told.figures, told.area_code, told.on, language),
        "has_list": _LIST.admits(caller.role, is_signed_in=True),
        "overdue": _overdue(told.figures, language),
        "untold": _untold(told.figures, language),
        "confirmed": _confirmed(told, language),
        "missed": [_missed(one, area_map, language) for one in board.missed],
        "clusters": _clusters(board, area_map, language),
        "feeds": _feeds(board, language),
        "map": None if is_grid else _map(board, area_map, parts, mapped, language),
        "mapped": [{"key": one, "text": words[f"map_{one}"], "is_chosen": one == mapped} for one in MAPPED],
        "map_key": mapped,
        "below": words["below_grid" if is_grid else f"below_{AREA_LEVELS[told.level]}"],
        "is_grid": is_grid,
        "parts": [parts[one] for one in shown],
        "count": len(names),
        "page_text": words["page_number"].format(page=page, pages=pages),
        "previous": page - 1 if 1 < page <= pages else None,
        "next": page + 1 if page < pages else None,
        "has_pages": pages > 1,
    }


def _above(caller: Caller, area_code: str, area_map: AreaMap) -> list[dict[str, str]]:
    """The areas around it that the caller may see, the largest first."""
    return [
        {"code": area_code[:length], "name": area_map.name(area_code[:length]) or area_code[:length]}
        for length in AREA_LEVELS
        if length < len(area_code) and caller.scope.contains(area_code[:length])
    ]


def _number(value: float | None, words: Mapping[str, str]) -> str:
    return words["kept_back"] if value is None else f"{value:,.0f}"


def _households(board: AreaBoard, code: str, words: Mapping[str, str]) -> str:
    count = board.households(code)
    return "–" if count is None and not board.is_withheld(code) else _number(count, words)


def _nothing_known(board: AreaBoard, words: Mapping[str, str]) -> str:
    """That some of them have no score; where it is kept back how many, the same for none and many."""
    if board.summary is None or board.nothing_known == 0:
        return ""
    if board.nothing_known is None:
        return words["board_unheard_kept_back"]
    return words["board_unheard"].format(count=f"{board.nothing_known:,}")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _tiles(board: AreaBoard, language: str) -> list[dict[str, Any]]:
    words, told = texts(language), board.casework
    leads, stages, overdue, lists = map(told.figures.tell, ("leads", "stages", "overdue", "lists"))
    tiles = [
        ("households", _households(board, told.area_code, words), _nothing_known(board, words)),
        ("leads", _number(leads.leads.total() if leads else None, words), ""),
        ("open", _number(stages.open if stages else None, words), ""),
        (
            "overdue",
            _number(overdue.late if overdue else None, words),
            words["share_of_open"].format(share=_share(overdue.late, stages.open))
            if overdue and stages
            else "",
        ),
        (
            "visited",
            f"{lists.visited:,} / {lists.listed:,}" if lists else words["kept_back"],
            _share(lists.visited, lists.listed) if lists else "",
        ),
    ]
    return [
        {
            "key": key,
            "text": words[f"tile_{key}"],
            "value": value,
            "more": more,
            # What is kept back leads nowhere.
            "query": _COUNTED.get(key) if value != words["kept_back"] else None,
        }
        for key, value, more in tiles
    ]


def _leads(figures: Figures, language: str) -> dict[str, Any] | None:
    counts = figures.tell("leads")
    if counts is None:
        return None
    words, names = texts(language), catalogue(language)["themes"]
    rows: list[dict[str, Any]] = [
        {
            "text": words[f"channel_{channel.value}"],
            "cells": [counts.leads[channel.value, theme] for theme in THEMES],
            "total": sum(counts.leads[channel.value, theme] for theme in THEMES),
        }
        for channel in Channel
    ]
    totals = [sum(row["cells"][at] for row in rows) for at in range(len(THEMES))]
    return {"themes": [names[one] for one in THEMES], "rows": rows, "totals": totals, "total": sum(totals)}


def _stages(figures: Figures, area_code: str, on: Any, language: str) -> list[dict[str, Any]] | None:
    """Each state under the name that the area's practice gives it, with a bar of its share."""
    counts = figures.tell("stages")
    if counts is None:
        return None
    most = max(counts.stages.values(), default=0)
    told = []
    for state, name in stage_names(area_code, on, language).items():
        if state is CaseState.JOINED:
            # Counted in the case that it goes on in.
            continue
        count = counts.stages[state.value]
        length = round(100 * count / most, 1) if most else 0
        told.append({"key": state.value, "text": name, "count": count, "length": length})
    return told


def _overdue(figures: Figures, language: str) -> list[dict[str, Any]] | None:
    counts = figures.tell("overdue")
    if counts is None:
        return None
    words = texts(language)
    return [
        {
            "key": level,
            "text": words["overdue_owner"] if level == OWNER
            else words["overdue_told"].format(role=role_text(level, language)),
            "count": counts.overdue[level],
        }
        for level in (OWNER, *LEVELS)
        if counts.overdue[level] or level == OWNER
    ]  # fmt: skip


def _untold(figures: Figures, language: str) -> dict[str, Any] | None:
    """Closed cases whose result waits to be told: none of the open ones, and in no share of them."""
    counts = figures.tell("overdue")
    if counts is None or not counts.untold:
        return None
    return {"text": texts(language)["overdue_untold"], "count": counts.untold}


def _confirmed(told: AreaCasework, language: str) -> dict[str, Any] | None:
    """What visits found beside what the scores let expect; few visits get neither interval nor verdict."""
    counts = told.figures.tell("confirmed")
    if counts is None:
        return None
    words, expected = texts(language), counts.expected
    least = policy_value("verdict_visits", region_of(told.area_code), told.on)
    is_enough = counts.met >= least.value
    place = (
        "below"
        if counts.confirmed < expected.low
        else "above"
        if counts.confirmed > expected.high
        else "inside"
    )
    interval = words["interval"].format(
        value=f"{expected.count:,.1f}", low=f"{expected.low:,.1f}", high=f"{expected.high:,.1f}"
    )
    few = words["confirmed_few"].format(least=least.value) if counts.met else words["confirmed_none"]
    return {
        "visited": f"{counts.met:,}",
        "confirmed": f"{counts.confirmed:,}",
        "expected": interval if is_enough else f"{expected.count:,.1f}",
        "judged": words[f"confirmed_{place}"] if is_enough else few,
        "is_assumption": least.is_assumption and 0 < counts.met < least.value,
        "meaning": words["confirmed_meaning"].format(days=LIST_DAYS),
    }


def _missed(one: Any, area_map: AreaMap, language: str) -> dict[str, Any]:
    words, found = texts(language), one.missed
    name = area_map.name(one.county) or one.county
    if found is None:
        why = words["missed_kept_back" if one.is_kept_back else "missed_none"]
        return {"name": name, "estimate": None, "why": why}
    return {
        "name": name,
        "estimate": words["interval"].format(
            value=f"{found.missed.value:,.0f}", low=f"{found.missed.low:,.0f}",
            high=f"{found.missed.high:,.0f}",
        ),
        "basis": words["missed_basis"].format(
            visits=f"{found.visits:,}", found=f"{found.found:,}", first=found.first_on.isoformat(),
            last=found.last_on.isoformat(), population=f"{found.population:,.0f}", months=found.grace_months,
        ),
    }  # fmt: skip


def _clusters(board: AreaBoard, area_map: AreaMap, language: str) -> dict[str, Any] | None:
    found = board.clusters
    if found is None:
        return None
    words, names = texts(language), catalogue(language)["themes"]
    return {
        "meaning": words["clusters_meaning"].format(
            since=found.since.isoformat(), until=found.as_of.isoformat(),
            share=f"{found.rules.false_share:.0%}",
        ),
        "is_assumption": found.rules.is_assumption,
        "is_judged": bool(found.judged),
        "warnings": [
            {
                "code": one.area_code,
                "text": words["cluster"].format(
                    area=area_map.name(one.area_code) or one.area_code, theme=names[one.theme],
                    observed=one.observed, expected=f"{one.expected:.1f}", low=one.low, high=one.high,
                ),
            }
            for one in board.warnings
        ],
    }  # fmt: skip


def _feeds(board: AreaBoard, language: str) -> dict[str, Any] | None:
    """Feeds of which not everything is known, as the latest run saw it."""
    if board.summary is None:
        return None
    counts, words = board.summary.counts, texts(language)
    hidden = board.withheld.get(board.summary.area_code, frozenset())
    told = []
    for feed in sorted({*(+counts.unknown), *(+counts.partial)}):
        is_hidden = HOUSEHOLDS in hidden or f"feeds/{feed}" in hidden
        is_silent = counts.unknown[feed] == counts.households
        told.append({
            "text": CONTRACTS[feed].zh if language == "zh" else CONTRACTS[feed].en,
            "state": words["feed_unknown" if is_silent else "feed_partly"],
            "is_silent": is_silent,
            "unknown": _number(None if is_hidden else counts.unknown[feed], words),
            "partial": _number(None if is_hidden else counts.partial[feed], words),
        })  # fmt: skip
    return {"as_of": words["board_run"].format(date=board.summary.run.as_of_date.isoformat()), "rows": told}


def _part(board: AreaBoard, area_map: AreaMap, code: str, language: str) -> dict[str, Any]:
    words, figures = texts(language), board.casework.below[code]
    leads, stages, overdue, lists, confirmed = map(
        figures.tell, ("leads", "stages", "overdue", "lists", "confirmed")
    )
    is_grid = board.casework.level > VILLAGE
    expected = f"{confirmed.expected.count:,.1f}" if confirmed else ""
    return {
        "code": code,
        "name": (code or words["no_grid"]) if is_grid else area_map.name(code) or code,
        "households": "" if is_grid else _households(board, code, words),
        "leads": _number(leads.leads.total() if leads else None, words),
        "open": _number(stages.open if stages else None, words),
        "overdue": _number(overdue.late if overdue else None, words),
        "is_linked": {"open": bool(stages) and not is_grid, "overdue": bool(overdue) and not is_grid},
        "visited": f"{lists.visited:,} / {lists.listed:,}" if lists else words["kept_back"],
        "confirmed": f"{confirmed.confirmed:,} / {expected}" if confirmed else words["kept_back"],
    }


def _value(board: AreaBoard, code: str, mapped: str) -> float | None:
    figures = board.casework.below[code]
    if _BREAKDOWNS[mapped] & figures.hidden:
        return None
    counts = figures.counts
    households = board.households(code)
    match mapped:
        case "leads":
            return 1_000 * counts.leads.total() / households if households else None
        case "open":
            return 1_000 * counts.open / households if households else None
        case "overdue":
            return counts.late / counts.open if counts.open else None
        case _:
            return counts.visited / counts.listed if counts.listed else None


def _map(
    board: AreaBoard, area_map: AreaMap, parts: Mapping[str, Any], mapped: str, language: str
) -> dict[str, Any] | None:
    words, told = texts(language), board.casework
    values = {code: value for code in parts if (value := _value(board, code, mapped)) is not None}
    hidden = frozenset(code for code, one in told.below.items() if _BREAKDOWNS[mapped] & one.hidden)
    drawn = map_view(area_map.parts(told.area_code, told.level), values, hidden)
    if drawn is None:
        return None

    def said(value: float) -> str:
        return f"{value:.0%}" if mapped in {"overdue", "visited"} else f"{value:,.1f}"

    for one in drawn["areas"]:
        number = (
            words["kept_back"]
            if one["kind"] == "hidden"
            else "–"
            if one["value"] is None
            else said(one["value"])
        )
        one["said"] = f"{one['name']} {number}"
        one["is_linked"] = one["code"] in parts
    breaks = drawn["breaks"]
    drawn["legend"] = [
        {"kind": kind, "text": words["legend_from"].format(value=said(least))}
        for kind, least in zip(drawn["classes"], breaks, strict=True)
    ]
    for kind, key in (("none", "legend_none"), ("hidden", "kept_back")):
        if kind in drawn["kinds"]:
            drawn["legend"].append({"kind": kind, "text": words[key]})
    drawn["title"] = words["map_title"].format(what=words[f"map_{mapped}"])
    return drawn
