"""A statement: an assessment as plain data, and the same data put into words.

What is stored knows no language; words are added when it is read, from the one catalogue, so that a text
that is mended is mended for old assessments too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from features import CONTRACTS, FEATURES, policy_value
from features.facts import LatestFact
from features.health import REASONS, Verdict
from features.signals import PLATFORM_FEEDS
from scoring.assessment import Assessment
from scoring.certainty import Certainty, certainty_text
from scoring.listing import NotListed, not_listed_text
from scoring.reasons import (
    FactSource,
    Family,
    Freshness,
    Reason,
    ReasonFact,
    fact_words,
    reason_text,
)
from scoring.texts import LANGUAGES, catalogue, format_value, in_language
from scoring.triggers import TriggerHit

MOST_FEEDS = 4
"""How many silent feeds are named in a sentence; all of them stand on the page by themselves."""


def make_statement(made: Assessment, region: str) -> dict[str, Any]:
    """The assessment as JSON without words."""
    return {
        "household_id": made.household_id,
        "as_of_date": made.as_of_date.isoformat(),
        "horizon_months": made.horizon_months,
        "score": made.score,
        "base_rate": made.base_rate,
        "log_odds": made.log_odds,
        "base_log_odds": made.base_log_odds,
        "families": [_plain_family(one) for one in made.families],
        "certainty": _plain_certainty(made.certainty),
        "grade": made.grade,
        "suggested_action": made.suggested_action,
        "not_listed": _plain_not_listed(made.not_listed),
        "risk_reasons": [_plain_reason(one) for one in made.risk_reasons],
        "protective_reasons": [_plain_reason(one) for one in made.protective_reasons],
        "rule_hits": [plain_hit(one) for one in made.rule_hits],
        "disagreement": made.disagreement,
        **plain_feeds(made.feeds),
        "feed_faults": [_plain_fault(one) for one in made.feed_faults],
        "latest_facts": plain_facts(made.facts),
        "monitoring_line": monitoring_line(made.as_of_date, region),
        "model_version": made.model_version,
        "policy_version": made.policy_version,
        "feature_version": made.feature_version,
        "horizons": [{"months": one.months, "score": one.score} for one in made.horizons],
        "themes": [{"theme": one.theme, "score": one.score} for one in made.themes],
    }


def plain_feeds(feeds: Mapping[str, Freshness]) -> dict[str, list[str]]:
    """The feeds of which nothing, or not enough, is known, by their state."""
    return {
        f"{wanted}_feeds": [feed for feed, state in feeds.items() if state == wanted]
        for wanted in ("missing", "stale", "partial")
    }


def plain_facts(facts: Mapping[str, LatestFact]) -> dict[str, dict[str, Any]]:
    """The latest facts as JSON."""
    return {
        feed: {
            "records": fact.records,
            "occurred_on": fact.occurred_on.isoformat(),
            "known_on": fact.known_on.isoformat(),
        }
        for feed, fact in facts.items()
    }


def _plain_certainty(one: Certainty | None) -> dict[str, Any] | None:
    return None if one is None else dict(vars(one))


def put_into_words(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement as the API answers it: names, sentences and values worded in every language."""
    grade, action = grade_word(statement), statement["suggested_action"]
    return {
        **statement,
        "grade_text": each(lambda texts: texts["grades"][grade]),
        "certainty_text": _maybe_each(statement.get("certainty"), certainty_text),
        "suggested_action_text": each(lambda texts: texts["actions"][action]),
        "not_listed_text": _maybe_each(statement.get("not_listed"), not_listed_text),
        "disagreement_text": _maybe_each(
            statement.get("disagreement"), lambda code, language: catalogue(language)["disagreement"][code]
        ),
        "risk_reasons": [_worded_reason(one) for one in _wordable(statement["risk_reasons"])],
        "protective_reasons": [_worded_reason(one) for one in _wordable(statement["protective_reasons"])],
        "rule_hits": [worded_hit(one) for one in statement["rule_hits"] if _is_wordable(one)],
        **_worded_standing(statement.get("standing")),
        # Assessments of a model without an outlook, or written before there was any, have no themes.
        "horizons": statement.get("horizons", []),
        "themes": [_worded_theme(one) for one in statement.get("themes", ())],
        # Assessments written before deliveries were checked do not say so.
        "feed_faults": [
            _worded_fault(one)
            for one in statement.get("feed_faults", ())
            if one["feed"] in CONTRACTS and one["reason"] in REASONS
        ],
    }


def feed_names(feeds: Iterable[str], language: str) -> str:
    """Feeds as officials call them, in a row; of many the first, and how many there are."""
    names = [CONTRACTS[one].zh if language == "zh" else CONTRACTS[one].en for one in feeds]
    said = str(catalogue(language)["feed_separator"]).join(names[:MOST_FEEDS])
    if len(names) <= MOST_FEEDS:
        return said
    return str(catalogue(language)["feeds_and_more"]).format(feeds=said, count=len(names))


def _worded_standing(plain: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stands on of an earlier assessment, in words; without it where nothing does."""
    if plain is None:
        return {}
    hits = [worded_hit(one) for one in plain["rule_hits"] if _is_wordable(one)]
    is_high = plain["grade"] == "high"
    read = {feed for one in hits for feed in FEATURES[one["feature"]].feeds}
    feeds = [one for one in plain["feeds"] if one in CONTRACTS and (is_high or one in read)]

    def text(language: str) -> str:
        words = catalogue(language)["standing"]
        high = [words["high"]] if is_high else []
        what = words["separator"].join([*(one["text"][language] for one in hits), *high])
        return str(
            words["text"].format(date=plain["as_of_date"], what=what, feeds=feed_names(feeds, language))
        )

    said = {language: text(language) for language in LANGUAGES}
    return {"standing": {**plain, "rule_hits": hits, "text": said}}


def _is_wordable(hit: Mapping[str, Any]) -> bool:
    return hit["feature"] in FEATURES and hit["code"] in catalogue("zh")["triggers"]


def _plain_family(family: Family) -> dict[str, Any]:
    return {
        "family": family.name,
        "contribution": family.contribution,
        "facts": [
            {"feature": fact.feature, "value": fact.value, "contribution": fact.contribution}
            for fact in family.facts
        ],
    }


def _plain_not_listed(one: NotListed | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "border": one.border,
        "log_odds_to_border": one.log_odds_to_border,
        "distance": one.distance,
        "held_down_by": list(one.held_down_by),
        "has_hits": one.has_hits,
        "has_silent_feeds": one.has_silent_feeds,
    }


def grade_word(statement: Mapping[str, Any]) -> str:
    """The word for the grade: a low one that silent feeds, or blocked ones, stand behind is no "low risk"."""
    # Assessments written by earlier releases may lack any of the lists.
    told = (*statement.get("missing_feeds", ()), *statement.get("stale_feeds", ()))
    silent = set(told) - set(PLATFORM_FEEDS)
    blocked = any(one["state"] == "blocked" for one in statement.get("feed_faults", ()))
    grade: str = statement["grade"]
    return "low_with_gaps" if grade == "low" and (silent or blocked) else grade


def _plain_reason(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "family": reason.family,
        "effect": reason.effect,
        "contribution": reason.contribution,
        "strength": reason.strength,
        "share": reason.share,
        "firmness": None if reason.is_firm is None else "firm" if reason.is_firm else "weak",
        "facts": [_plain_fact(one) for one in reason.facts],
    }


def _plain_fact(fact: ReasonFact) -> dict[str, Any]:
    # The date of the feed's latest record, whatever it says; a missing value has none.
    dates = [one.latest_on for one in fact.sources if one.latest_on is not None and fact.value is not None]
    return {
        "feature": fact.feature,
        "value": fact.value,
        "contribution": fact.contribution,
        "feed_latest_on": max(dates).isoformat() if dates else None,
        "usual_village": fact.usual_village,
        "usual_town": fact.usual_town,
        "sources": [
            {
                "feed": one.feed,
                "latest_on": one.latest_on.isoformat() if one.latest_on else None,
                "state": one.state,
            }
            for one in fact.sources
        ],
    }


def _wordable(reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # An assessment outlives the catalogue it was made with: what no longer has a name cannot be worded.
    families = catalogue("zh")["families"]
    return [
        {**one, "facts": [fact for fact in one["facts"] if fact["feature"] in FEATURES]}
        for one in reasons
        if one["family"] in families
    ]


def _worded_reason(plain: Mapping[str, Any]) -> dict[str, Any]:
    facts = tuple(_read_fact(one) for one in plain["facts"])
    # Assessments written before shares and firmness were told do not say them.
    firmness = plain.get("firmness")
    reason = Reason(
        plain["code"],
        plain["family"],
        plain["effect"],
        plain["contribution"],
        facts,
        plain.get("share"),
        None if firmness is None else firmness == "firm",
    )
    told_facts = [fact_words(one) for one in facts]
    words = {language: [in_language(one, language) for one in told_facts] for language in LANGUAGES}
    return {
        **plain,
        "text": {language: reason_text(reason, language, words[language]) for language in LANGUAGES},
        "facts": [
            {
                **told,
                **_described(told["feature"]),
                "value_text": {language: words[language][at].value for language in LANGUAGES},
                "usual_text": _said({language: words[language][at].usual for language in LANGUAGES}),
                "source_text": _said({language: words[language][at].source for language in LANGUAGES}),
            }
            for at, told in enumerate(plain["facts"])
        ],
    }


@cache
def _described(feature: str) -> dict[str, Any]:
    """What every fact of a feature has in common; nobody may change it."""
    one = FEATURES[feature]
    return {
        "unit": one.unit,
        "window_months": one.window_months,
        "feeds": list(one.feeds),
        "label": {"zh": one.zh, "en": one.en},
    }


def _worded_theme(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {**plain, "text": each(lambda texts: texts["themes"][plain["theme"]])}


def _read_fact(plain: Mapping[str, Any]) -> ReasonFact:
    return ReasonFact(
        plain["feature"],
        plain["value"],
        plain["contribution"],
        plain.get("usual_village"),
        plain.get("usual_town"),
        tuple([_source(one["feed"], one["latest_on"], one["state"]) for one in plain.get("sources", ())]),
    )


@lru_cache(maxsize=16_384)
def _source(feed: str, latest_on: str | None, state: Freshness) -> FactSource:
    return FactSource(feed, dt.date.fromisoformat(latest_on) if latest_on else None, state)


def plain_hit(hit: TriggerHit) -> dict[str, Any]:
    """A rule hit as JSON without words."""
    return {
        "code": hit.code,
        "cause": hit.cause,
        "feature": hit.feature,
        "value": hit.value,
        "level": hit.level,
        "is_assumption": hit.is_assumption,
    }


def worded_hit(plain: Mapping[str, Any], languages: Sequence[str] = LANGUAGES) -> dict[str, Any]:
    """A rule hit with its unit and its text in each of the languages; without any it has no text."""
    unit = FEATURES[plain["feature"]].unit
    if not languages:
        return {**plain, "unit": unit}
    return {
        **plain,
        "unit": unit,
        "text": {language: hit_text(plain, language) for language in languages},
    }


def hit_text(plain: Mapping[str, Any], language: str) -> str:
    """A rule hit in a sentence: what was reached, and the level."""
    feature = plain["feature"]
    value, level = (
        format_value(plain[name], FEATURES[feature].unit, language, feature) for name in ("value", "level")
    )
    said: str = catalogue(language)["triggers"][plain["code"]].format(value=value, level=level)
    return said


def _plain_fault(fault: Verdict) -> dict[str, Any]:
    return {
        "feed": fault.feed,
        "area_code": fault.area,
        "period": f"{fault.period:%Y-%m}",
        "state": fault.state,
        "reason": fault.reason,
    }


def _worded_fault(plain: Mapping[str, Any]) -> dict[str, Any]:
    reason = REASONS[plain["reason"]]
    return {
        **plain,
        "text": {"zh": reason.zh, "en": reason.en},
        "way_out": {"zh": reason.way_out_zh, "en": reason.way_out_en},
    }


@lru_cache(maxsize=512)
def monitoring_line(as_of: dt.date, region: str) -> dict[str, Any]:
    """The monitoring line in force on a date; nobody may change what is returned."""
    line = policy_value("monitoring_line", region, as_of)
    return {
        "value": line.value,
        "unit": line.unit,
        "effective_from": line.effective_from.isoformat(),
        "is_assumption": line.is_assumption,
        "source": line.source,
    }


def _maybe_each(plain: Any, word: Callable[[Any, str], str | None]) -> dict[str, str] | None:
    if plain is None:
        return None
    return _said({language: word(plain, language) for language in LANGUAGES})


def _said(said: Mapping[str, str | None]) -> dict[str, str] | None:
    """The texts there are; `None` where there is none."""
    return {language: text for language, text in said.items() if text is not None} or None


def each(pick: Callable[[Mapping[str, Any]], str], languages: Sequence[str] = LANGUAGES) -> dict[str, str]:
    """A text that is picked from each language's catalogue."""
    return {language: pick(catalogue(language)) for language in languages}
