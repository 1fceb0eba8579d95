"""The help catalogue, read from the YAML files beside this module: one file a group, 14 groups (DOMAIN §2).

A measure says what it is called, how it is paid, which facts of a household it changes, and which amount is
in force from when until when, with source and status as every policy value has them. An amount is where a
plan starts from, not a claim of a household: the plan may name another one up to `at_most_yuan`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, get_args

import yaml

from features.errors import PolicyError
from features.policy.parameters import STATUSES, region_and_above

Paid = Literal["once", "monthly", "each_term", "in_kind"]
Per = Literal["household", "person"]
Whom = Literal["member", "worker", "pupil", "vocational_pupil", "older_pupil", "disabled"]
Kind = Literal[
    "allowance", "cash", "aid", "wages", "business", "reimbursement", "enrolment", "repair", "gift", "nothing"
]

_FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "allowance": ({"assistance", "account"}, set()),
    "cash": ({"account"}, {"assistance"}),
    "aid": ({"account"}, set()),
    "wages": ({"work", "account"}, set()),
    "business": ({"account"}, set()),
    "reimbursement": (set(), set()),
    "enrolment": (set(), set()),
    "repair": ({"item"}, {"feed", "field", "bad", "good"}),
    "gift": ({"account"}, set()),
    "nothing": (set(), set()),
}
"""Kind of change → what it must and what it may say more."""


@dataclass(frozen=True)
class Changes:
    """What a measure does to the facts.

    allowance: a monthly support that amounts to this in all, whatever was drawn of its kind before; cash: a
    transfer; aid: less to pay for schooling, the rest a transfer; wages: a spell of work with its wage;
    business: net income of own business; reimbursement: self-paid medical cost that becomes reimbursed;
    enrolment: every member insured with a subsidy; repair: a guarantee that was lacking holds; gift: money
    that does not count; nothing: no fact that a feed has.
    """

    kind: Kind
    assistance: str = ""
    account: str = ""
    work: str = ""
    item: str = ""
    feed: str = ""
    field: str = ""
    bad: tuple[str, ...] = ()
    good: str = ""


@dataclass(frozen=True)
class MeasureEntry:
    """One amount of a measure, in force from a day until a day, both included; `None` is no end.

    `value_yuan` is `None` where nothing is paid out.
    """

    region: str
    effective_from: dt.date
    effective_until: dt.date | None
    value_yuan: int | None
    status: str
    source: str

    @property
    def is_assumption(self) -> bool:
        """Whether no published document gives this amount."""
        return self.status == "assumption"

    def is_in_force(self, on: dt.date) -> bool:
        """Whether the day lies between the two dates."""
        return self.effective_from <= on and (self.effective_until is None or on <= self.effective_until)


@dataclass(frozen=True)
class Measure:
    """One measure of the catalogue. `at_most_yuan` guards against slips of the unit; it is no policy.

    `whom` says which members a measure for persons is for; `None` where it is for the household.
    """

    code: str
    group: str
    zh: str
    en: str
    paid: Paid
    per: Per
    whom: Whom | None
    at_most_yuan: int
    changes: Changes
    regions: Mapping[str, tuple[MeasureEntry, ...]]

    def history(self, region: str) -> tuple[MeasureEntry, ...]:
        """All entries for a policy region or the nearest above it, oldest first; there may be none."""
        for one in region_and_above(region):
            if one in self.regions:
                return self.regions[one]
        return ()

    def find_entry(self, region: str, on: dt.date) -> MeasureEntry | None:
        """The entry in force in a policy region on a day, or `None`."""
        return next((one for one in self.history(region) if one.is_in_force(on)), None)

    def validity(self, region: str) -> str:
        """When the measure is in force, in words."""
        spans = [
            f"from {one.effective_from} until {one.effective_until or 'further notice'}"
            for one in self.history(region)
        ]
        return f"it is in force {', '.join(spans)}" if spans else f"it has no entry for the region {region}"


@dataclass(frozen=True)
class Group:
    """One of the 14 groups of the catalogue."""

    code: str
    zh: str
    en: str


@cache
def groups() -> Mapping[str, Group]:
    """Code → group, in the official order."""
    return MappingProxyType({code: Group(code, *_title(_document(code), code)) for code in _GROUP_CODES})


@cache
def measures() -> Mapping[str, Measure]:
    """Code → measure, group by group; the order in which the measures of a plan are worked out."""
    found: dict[str, Measure] = {}
    for group in _GROUP_CODES:
        for code, raw in _document(group)["measures"].items():
            if code in found:
                raise PolicyError(f"policy/measures/{group}.yaml: {code} stands in the catalogue twice")
            found[code] = _measure(code, group, raw)
    return MappingProxyType(found)


def get_measure(code: str) -> Measure:
    """The measure of that code; raises `PolicyError` naming those there are."""
    try:
        return measures()[code]
    except KeyError:
        raise PolicyError(f"there is no such measure; there are {', '.join(measures())}") from None


_GROUP_CODES = (
    "industry",
    "employment",
    "finance",
    "public_post",
    "housing",
    "water",
    "health",
    "compulsory_education",
    "other_education",
    "social_security",
    "social_help",
    "resettlement",
    "living_conditions",
    "infrastructure",
)


def _document(group: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(f"{group}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _title(raw: Mapping[str, Any], where: str) -> tuple[str, str]:
    title = raw.get("title", {})
    if set(title) != {"zh", "en"}:
        raise PolicyError(f"policy/measures: {where} needs a title in zh and en")
    return str(title["zh"]), str(title["en"])


def _measure(code: str, group: str, raw: Mapping[str, Any]) -> Measure:
    where = f"policy/measures/{group}.yaml, {code}"
    is_paid = raw.get("paid") != "in_kind"
    wanted = {"title", "paid", "per", "changes", "regions"} | ({"at_most"} if is_paid else set())
    if raw.get("per") == "person":
        wanted.add("whom")
        if raw.get("whom") not in get_args(Whom):
            raise PolicyError(f"{where}: a measure for persons says for whom: {', '.join(get_args(Whom))}")
    if set(raw) != wanted or raw["paid"] not in get_args(Paid) or raw["per"] not in get_args(Per):
        raise PolicyError(f"{where}: every measure needs {', '.join(sorted(wanted))}, of the known words")
    at_most = raw.get("at_most", 0)
    regions = {
        region: tuple(_entry(where, region, entry, at_most) for entry in entries)
        for region, entries in raw["regions"].items()
    }
    for entries in regions.values():
        for earlier, later in pairwise(entries):
            if earlier.effective_until is None or earlier.effective_until >= later.effective_from:
                raise PolicyError(f"{where}: entries stand in order of date and do not overlap")
    changes = _changes(where, raw["changes"])
    return Measure(
        code,
        group,
        *_title(raw, code),
        paid=raw["paid"],
        per=raw["per"],
        whom=raw.get("whom"),
        at_most_yuan=at_most,
        changes=changes,
        regions=regions,
    )


def _changes(where: str, raw: Mapping[str, Any]) -> Changes:
    kind = raw.get("kind")
    if kind not in _FIELDS:
        raise PolicyError(f"{where}: changes needs a kind, one of {', '.join(_FIELDS)}")
    must, may = _FIELDS[kind]
    said = set(raw) - {"kind"}
    if not must <= said <= must | may:
        raise PolicyError(
            f"{where}: a change of kind {kind} says {', '.join(sorted(must | may)) or 'no more'}"
        )
    return Changes(**{**raw, "bad": tuple(raw.get("bad", ()))})


def _entry(where: str, region: str, raw: Mapping[str, Any], at_most: int) -> MeasureEntry:
    since, until, value = raw.get("from"), raw.get("until"), raw.get("value")
    if (
        not {"from", "value", "status", "source"}
        <= set(raw)
        <= {"from", "until", "value", "status", "source"}
    ):
        raise PolicyError(
            f"{where}, {region}: every entry needs from, value, status and source; until may follow"
        )
    if not isinstance(since, dt.date) or not isinstance(until, dt.date | None) or (until and until < since):
        raise PolicyError(f"{where}, {region}: from and until are dates in this order")
    if raw["status"] not in STATUSES or (value is None) != (at_most == 0):
        raise PolicyError(
            f"{where}, {region}: status is one of {', '.join(STATUSES)}; only help in kind has no value"
        )
    if value is not None and not (isinstance(value, int) and 0 < value <= at_most):
        raise PolicyError(f"{where}, {region}: value is a whole number of yuan above 0, at most at_most")
    return MeasureEntry(region, since, until, value, raw["status"], raw["source"])
