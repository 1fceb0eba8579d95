"""What the household page shows, prepared from a stored assessment in one language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from features import CONTRACTS
from features.policy.sources import source_text
from features.signals import REQUEST_FEEDS
from scoring.texts import catalogue
from serving.console.listing import grade_mark
from serving.console.moments import china_time
from serving.console.numbers import in_natural_numbers, percent, round_number
from serving.console.texts import texts
from serving.storage import Stored

HALF_BAR = 100
"""Length of the longest bar, in units of the drawing, to either side of its middle."""

LEAST_BAR = 4
FULL_BAR = 100


def household_view(
    stored: Stored, language: str, changes: dict[str, Any] | None = None, *, is_unheard: bool = False
) -> dict[str, Any]:
    """Everything the template writes; it computes nothing itself. `changes` compares with the one before.

    With `is_unheard` a later run knew nothing of the household: that it was low, and what followed from that,
    is not said any more.
    """
    body, words = stored.body, texts(language)
    per = round_number(body["score"], body["base_rate"])
    reasons = [*body["risk_reasons"], *body["protective_reasons"]]
    longest = max((abs(one["contribution"]) for one in reasons), default=1.0)
    line, is_low = body["monitoring_line"], body["grade"] == "low"
    return {
        "household_id": body["household_id"],
        "title": words["household_title"].format(id=body["household_id"]),
        "village_code": stored.village_code,
        "as_of": body["as_of_date"],
        "grade": "none" if is_unheard and is_low else grade_mark(body),
        "grade_text": catalogue(language)["grades"]["low_with_gaps"]
        if is_unheard and is_low
        else body["grade_text"][language],
        "score": percent(body["score"]),
        "score_in_numbers": in_natural_numbers(body["score"], per, "in_natural_numbers", language),
        "base": percent(body["base_rate"]),
        "base_in_numbers": in_natural_numbers(body["base_rate"], per, "base_in_natural_numbers", language),
        "meaning": words["estimate_meaning"].format(months=stored.horizon_months),
        "outlook": _outlook(body, language),
        "action": "watch" if is_unheard else body["suggested_action"],
        "action_text": words["unheard_action"] if is_unheard else body["suggested_action_text"][language],
        "certainty": _said(body, "certainty_text", language),
        "disagreement": _said(body, "disagreement_text", language),
        "not_listed": None if is_unheard else _said(body, "not_listed_text", language),
        "changes": changes["text"][language] if changes else [],
        "hits": [_hit(one, language) for one in body["rule_hits"]],
        "standing": _said(body.get("standing") or {}, "text", language),
        "corrected": words["rescored_note"].format(date=body["as_of_date"], on=body["corrected_on"])
        if body.get("corrected_on")
        else None,
        "warning": _warning(body, language),
        "faults": [_fault(one, language) for one in body["feed_faults"]],
        "risk": [_reason(one, longest, body, language) for one in body["risk_reasons"]],
        "protective": [_reason(one, longest, body, language) for one in body["protective_reasons"]],
        "feeds": [_feed(name, body, language) for name in REQUEST_FEEDS],
        "line_text": words["line_value"].format(value=f"{line['value']:,}", date=line["effective_from"]),
        "line_is_assumption": line["is_assumption"],
        "line_source": source_text(line["source"], language),
        "versions": words["versions"].format(
            model=body["model_version"], policy=body["policy_version"], features=body["feature_version"]
        ),
        "written": words["written"].format(at=china_time(stored.written_at)),
    }


def _outlook(body: dict[str, Any], language: str) -> dict[str, Any] | None:
    horizons, themes = body["horizons"], body["themes"]
    if not themes:
        return None
    words, largest = texts(language), max(one["score"] for one in themes)
    return {
        "horizons": [
            {"name": words["within_months"].format(months=one["months"]), "score": percent(one["score"])}
            for one in horizons
        ],
        "themes": [
            {
                "name": one["text"][language],
                "score": percent(one["score"]),
                "bar_length": round(one["score"] / largest * FULL_BAR) if largest else 0,
            }
            for one in sorted(themes, key=lambda one: -one["score"])
        ],
        "meaning": words["outlook_meaning"].format(months=body["horizon_months"]),
    }


def _said(body: dict[str, Any], name: str, language: str) -> str | None:
    # Assessments written before this was said do not say it.
    texts_of_languages = body.get(name)
    return texts_of_languages[language] if texts_of_languages else None


def _hit(hit: dict[str, Any], language: str) -> dict[str, Any]:
    assumption = catalogue(language)["assumption"] if hit["is_assumption"] else None
    return {"cause": hit["cause"], "text": hit["text"][language], "assumption": assumption}


def _warning(body: dict[str, Any], language: str) -> dict[str, Any] | None:
    # Assessments written before feeds could be partial do not say so.
    partial = body.get("partial_feeds", [])
    silent = (*body["missing_feeds"], *body["stale_feeds"], *partial)
    if not silent:
        return None
    names = [_feed_name(one, language) for one in silent]
    separator = "、" if language == "zh" else ", "
    said: str = catalogue(language)["feed_warning"].format(feeds=separator.join(names))
    return {
        "text": said[:1].upper() + said[1:],
        "missing": [_feed_name(one, language) for one in body["missing_feeds"]],
        "stale": [_feed_name(one, language) for one in body["stale_feeds"]],
        "partial": [_feed_name(one, language) for one in partial],
    }


def _fault(fault: dict[str, Any], language: str) -> str:
    words = texts(language)
    return words["fault"].format(
        feed=_feed_name(fault["feed"], language),
        period=fault["period"],
        text=fault["text"][language],
        used=words["fault_blocked" if fault["state"] == "blocked" else "fault_flagged"],
    )


def _reason(reason: dict[str, Any], longest: float, body: dict[str, Any], language: str) -> dict[str, Any]:
    said = reason["text"][language]
    length = max(LEAST_BAR, round(abs(reason["contribution"]) / longest * HALF_BAR))
    return {
        "code": reason["code"],
        "effect": reason["effect"],
        "name": said["name"],
        "effect_text": said["effect"],
        "strength": said["strength"],
        "share": said.get("share"),
        "firmness": said.get("firmness"),
        "is_weak": reason.get("firmness") == "weak",
        "check": said["check"],
        "bar_from": HALF_BAR if reason["effect"] == "risk" else HALF_BAR - length,
        "bar_length": length,
        "facts": [_fact(one, language) for one in reason["facts"]],
        "notes": list(_income_notes(reason["facts"], body, language)),
    }


def _income_notes(facts: list[dict[str, Any]], body: dict[str, Any], language: str) -> Iterable[str]:
    """Whose amounts a reason tells: departments' records and a visit's account come to others."""
    words, latest = texts(language), body["latest_facts"]
    feeds = {feed for one in facts if one.get("unit") == "yuan" for feed in one["feeds"]}
    for feed, key, day in (
        ("income", "income_of_departments", "occurred_on"),
        ("account", "income_of_account", "known_on"),
    ):
        if feed in feeds and feed in latest:
            yield words[key].format(source=_department(feed, language), date=latest[feed][day])


def _fact(fact: dict[str, Any], language: str) -> dict[str, Any]:
    usual, source = fact.get("usual_text"), fact.get("source_text")
    return {
        "label": fact["label"][language],
        "value": fact["value_text"][language],
        "usual": usual[language] if usual else None,
        "source": source[language] if source else None,
        "is_fresh": all(one["state"] == "fresh" for one in fact.get("sources", ())),
    }


def _feed(name: str, body: dict[str, Any], language: str) -> dict[str, Any]:
    states = [one for one in ("missing", "stale", "partial") if name in body.get(f"{one}_feeds", ())]
    state = states[0] if states else "fresh"
    fact = body["latest_facts"].get(name)
    return {
        "name": _feed_name(name, language),
        "department": _department(name, language),
        "state": state,
        "state_text": catalogue(language)["fresh"][state],
        "records": fact["records"] if fact else 0,
        "occurred": fact["occurred_on"] if fact else None,
        "known": fact["known_on"] if fact else None,
    }


def _feed_name(name: str, language: str) -> str:
    return CONTRACTS[name].zh if language == "zh" else CONTRACTS[name].en


def _department(name: str, language: str) -> str:
    return CONTRACTS[name].source_zh if language == "zh" else CONTRACTS[name].source_en
