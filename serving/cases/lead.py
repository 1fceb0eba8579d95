"""A lead: one report of one channel about one household, with its source, facts and dates."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring.themes import theme_of_cause
from serving.cases.channel import Channel
from serving.cases.lead_code import LEAD_CODES, EventKind, LeadCode


@dataclass(frozen=True)
class Lead:
    """One lead. `facts` are plain data of fixed names: never a name, a number of anybody or free text.

    `source` is a department's code, a model's version, or the key or account that sent it.
    """

    household_id: str
    village_code: str
    channel: Channel
    source: str
    code: str
    theme: str
    occurred_on: dt.date
    known_on: dt.date
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_hard: bool = False

    @property
    def said(self) -> LeadCode:
        """What its code says."""
        return LEAD_CODES[self.code]

    @property
    def kind(self) -> EventKind:
        """The kind of event that it tells of."""
        return self.said.kind_of(self.facts)

    @property
    def causes(self) -> tuple[str, ...]:
        """Official codes of the causes that it tells of, the main one first."""
        return self.said.causes_of(self.facts)

    @property
    def dedup_key(self) -> str:
        """The same for the same lead, however often it is sent: one source says one thing of one day once."""
        said = [
            self.household_id, self.village_code, self.channel.value, self.source, self.code,
            self.causes[0] if self.said.cause is None else "", self.occurred_on.isoformat(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def make_lead(
    household_id: str,
    village_code: str,
    code: str,
    source: str,
    *,
    occurred_on: dt.date,
    known_on: dt.date,
    region: str,
    facts: Mapping[str, Any] | None = None,
    theme: str | None = None,
) -> Lead:
    """A lead of a code; its theme is that of its cause by the policy of `known_on`, unless it is given.

    Raises `PolicyError` for a day before there were codes of causes, and `KeyError` for an unknown code.
    """
    said, told = LEAD_CODES[code], dict(facts or {})
    if theme is None:
        theme = theme_of_cause(said.causes_of(told)[0], region, known_on)
    return Lead(
        household_id, village_code, said.channel, source, code, theme, occurred_on, known_on, told,
        said.is_hard_for(told),
    )  # fmt: skip
