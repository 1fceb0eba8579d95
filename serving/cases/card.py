"""A card: all leads of one household, told as the events that they are about."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.grades import GRADES, Grade
from scoring.themes import THEMES
from serving.cases.channel import Channel
from serving.cases.lead import Lead
from serving.cases.lead_code import EventKind

MOST_CAUSES = 5
"""A household has up to five causes (DOMAIN §2)."""


@dataclass(frozen=True)
class Event:
    """One event with the leads that tell of it, the earliest first."""

    key: str
    kind: EventKind
    theme: str
    occurred_on: dt.date
    known_on: dt.date
    is_hard: bool
    leads: tuple[Lead, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Who told of it, each once."""
        return tuple(dict.fromkeys(one.source for one in self.leads))


@dataclass(frozen=True)
class Card:
    """What is known of one household, of whichever channels.

    `themes` counts events by theme, scores apart; `theme` is the first of them, a score's own where there is
    nothing else. `score_grade` and `disagreement` are those of the latest run that made a lead; without any
    score `score_grade` is `None`.
    """

    household_id: str
    village_code: str
    events: tuple[Event, ...]
    channels: tuple[Channel, ...]
    themes: Mapping[str, int]
    theme: str
    causes: tuple[str, ...]
    is_hard: bool
    score_grade: Grade | None
    disagreement: str | None
    known_on: dt.date

    @property
    def leads(self) -> tuple[Lead, ...]:
        """All leads, the earliest first."""
        return tuple(sorted((lead for one in self.events for lead in one.leads), key=_order))


def make_card(leads: Iterable[Lead], event_keys: Mapping[str, str]) -> Card:
    """The card of one household's leads, of which there is one at least; their order changes nothing."""
    told = sorted(leads, key=_order)
    by_event: dict[str, list[Lead]] = {}
    for one in told:
        by_event.setdefault(event_keys[one.dedup_key], []).append(one)
    events = tuple(_event(key, group) for key, group in by_event.items())
    happened = [one for one in events if one.kind is not EventKind.SCORE]
    themes = Counter(one.theme for one in happened)
    ordered = sorted(themes, key=lambda one: (-themes[one], _first(THEMES, one), one))
    scores = [one for one in told if one.channel is Channel.SCORE]
    from_runs = [one for one in told if "disagreement" in one.facts]
    latest = max(scores, key=lambda one: (one.known_on, one.dedup_key), default=None)
    newest = max(
        from_runs, key=lambda one: (one.known_on, one.channel is Channel.SCORE, one.dedup_key), default=None
    )
    return Card(
        household_id=told[0].household_id,
        village_code=told[0].village_code,
        events=events,
        channels=tuple(one for one in Channel if any(lead.channel is one for lead in told)),
        themes={one: themes[one] for one in ordered},
        theme=ordered[0] if ordered else (latest.theme if latest else told[0].theme),
        causes=_causes(happened, scores),
        is_hard=any(one.is_hard for one in told),
        score_grade=next((one for one in GRADES if latest and latest.facts["grade"] == one), None),
        disagreement=newest.facts["disagreement"] if newest else None,
        known_on=min(one.known_on for one in told),
    )  # fmt: skip


def _event(key: str, leads: list[Lead]) -> Event:
    counted = Counter(one.theme for one in leads)
    theme = min(counted, key=lambda one: (-counted[one], _first(THEMES, one), one))
    return Event(
        key, leads[0].kind, theme, leads[0].occurred_on, min(one.known_on for one in leads),
        any(one.is_hard for one in leads), tuple(leads),
    )  # fmt: skip


def _causes(happened: list[Event], scores: list[Lead]) -> tuple[str, ...]:
    """Causes of what happened, those of most events first; then what the scores' reasons say."""
    counted = Counter(cause for event in happened for cause in {lead.causes[0] for lead in event.leads})
    # 99 is none in particular: any other says more.
    found = sorted(counted, key=lambda one: (one == "99", -counted[one], one))
    latest = sorted(scores, key=lambda one: (one.known_on, one.dedup_key), reverse=True)
    found += [cause for one in latest for cause in one.causes]
    return tuple(dict.fromkeys(found))[:MOST_CAUSES]


def _first(order: tuple[str, ...], one: str) -> int:
    return order.index(one) if one in order else len(order)


def _order(lead: Lead) -> tuple[Any, ...]:
    return lead.occurred_on, lead.known_on, lead.channel.value, lead.source, lead.code, lead.dedup_key
