"""Events: reports of one event by several departments are one fact.

Reports of one household and one kind belong to one event where they occurred within `same_event_days`
(policy) of its first one. They are put together anew from all that are known, so that the order in which
they arrive changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from features.policy import DEFAULT_REGION, policy_history, policy_value
from serving.cases.lead import Lead


def same_event_days(leads: Sequence[Lead], region: str = DEFAULT_REGION) -> int:
    """The policy's days on the latest day that any of the leads was known, or from its first entry on."""
    first = policy_history("same_event_days", region)[0].effective_from
    latest = max(one.known_on for one in leads)
    return int(policy_value("same_event_days", region, max(first, latest)).value)


def find_event_keys(leads: Iterable[Lead], within_days: int) -> dict[str, str]:
    """The event of each lead: dedup key → event key.

    `leads` are all that are known of their households' events of their kinds.
    """
    found: dict[str, str] = {}
    for place, group in groupby(sorted(leads, key=_order), key=_place):
        first: dt.date | None = None
        for one in group:
            if first is None or (one.occurred_on - first).days > within_days:
                first = one.occurred_on
            found[one.dedup_key] = _key(place, first)
    return found


def _place(lead: Lead) -> tuple[str, str, str]:
    return lead.household_id, lead.village_code, lead.kind.value


def _order(lead: Lead) -> tuple[tuple[str, str, str], dt.date, str]:
    return _place(lead), lead.occurred_on, lead.dedup_key


def _key(place: tuple[str, str, str], first: dt.date) -> str:
    return hashlib.sha256(json.dumps([*place, first.isoformat()]).encode()).hexdigest()
