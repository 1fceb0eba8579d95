"""Bodies of leads and of entries by hand: read strictly, every error at once, never a value in one."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from typing import Any

from features.policy import policy_history
from features.signals import CONTRACTS
from features.signals.fields import Category
from serving.access import Caller, Role
from serving.access.area import OUTSIDE_AREA, WAY_OUT
from serving.cases.channel import Channel
from serving.cases.clocks import region_of
from serving.cases.document import DocumentReader
from serving.cases.lead import Lead, make_lead
from serving.cases.lead_code import DECLARATION, GRID_REPORT, SWEEP_CHECKS, Department, codes_of
from serving.errors import MOST_ERRORS, TooManyErrors
from serving.storage.worklists import ADD_REASONS

MOST_ITEMS = 300
"""Each can be six leads, one for each gap."""
MOST_BYTES = 500_000
MOST_YUAN = 100_000_000
_KEY = CONTRACTS["household"].field("household_id")
_CAUSES = next(
    one for one in CONTRACTS["identification"].fields if isinstance(one, Category) and one.name == "cause"
).categories
_GROUPS = next(
    one
    for one in CONTRACTS["identification"].fields
    if isinstance(one, Category) and one.name == "object_type"
).categories
_SENT = (Channel.DECLARATION, Channel.SWEEP, Channel.DEPARTMENT, Channel.GRID)
_COMMON = ("household_id", "village_code", "channel", "occurred_on")
_ADDITION = ("household_id", "reason")
_OWN: dict[Channel, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Channel.DECLARATION: (("cause",), ("amount_yuan",)),
    Channel.GRID: (("cause",), ("amount_yuan",)),
    Channel.DEPARTMENT: (("department", "code"), ("amount_yuan",)),
    Channel.SWEEP: (("checks",), ("group",)),
}
"""The fields of each channel: those that have to be there, and those that may."""


class LeadReader(DocumentReader):
    """Reads one document of a caller on a day and gathers what is wrong with it."""

    def __init__(self, caller: Caller, today: dt.date) -> None:
        super().__init__()
        self.caller = caller
        self.today = today

    def read(self, document: Any) -> list[Lead]:
        """The leads; a sweep has one for each gap that it found, and so none for a household without any.

        Raises `Problem` with all errors, the first hundred if there are more.
        """
        made: list[Lead] = []
        with contextlib.suppress(TooManyErrors):
            made = self._all(document)
        self.check()
        return made

    def read_addition(self, document: Any) -> tuple[str, str]:
        """Household and reason of an entry by hand; raises `Problem`."""
        given = self.object(document, "", _ADDITION, _ADDITION, keeps_null=True)
        key = self._key(given.get("household_id"), "/household_id")
        reason = self._one_of(given.get("reason"), "/reason", ADD_REASONS)
        self.check()
        return key, reason

    def _all(self, document: Any) -> list[Lead]:
        given = self.object(document, "", ("leads",), ("leads",), keeps_null=True)
        items = given.get("leads", [])
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
            if "leads" in given:
                self.add("/leads", "wrong_number", f"give a list of 1 to {MOST_ITEMS} leads")
            return []
        return [lead for at, one in enumerate(items) for lead in self._item(one, f"/leads/{at}")]

    def _item(self, item: Any, at: str) -> list[Lead]:
        if not isinstance(item, dict):
            self.add(at, "not_an_object", "give an object")
            return []
        channel = self._channel(item.get("channel"), f"{at}/channel")
        if channel is None:
            return []
        needed, more = _OWN[channel]
        before = len(self.errors)
        names = (*_COMMON, "known_on", *needed, *more)
        given = self.object(item, at, names, (*_COMMON, *needed), keeps_null=True)
        household = self._key(given.get("household_id"), f"{at}/household_id")
        village = self._village(given.get("village_code"), f"{at}/village_code")
        days = self._days(given, at)
        facts, codes, source = self._said(channel, given, at)
        if len(self.errors) > before:
            return []
        return [
            make_lead(
                household, village, code, source, occurred_on=days[0], known_on=days[1],
                region=region_of(village), facts=facts,
            )
            for code in codes
        ]  # fmt: skip

    def _channel(self, given: Any, at: str) -> Channel | None:
        # A department's report comes from its system: a person who hears of it reports it by the grid.
        is_platform = self.caller.role is Role.PLATFORM
        allowed = [one for one in _SENT if is_platform or one is not Channel.DEPARTMENT]
        found = next((one for one in allowed if one.value == given), None)
        if found is None:
            self.add(at, "unknown_category", f"give one of {', '.join(allowed)}")
        return found

    def _said(
        self, channel: Channel, given: dict[str, Any], at: str
    ) -> tuple[dict[str, Any], list[str], str]:
        """Facts, codes and source of an item."""
        facts: dict[str, Any] = {}
        if "amount_yuan" in given:
            facts["amount_yuan"] = self._amount(given["amount_yuan"], f"{at}/amount_yuan")
        if channel is Channel.DEPARTMENT:
            department = self._one_of(given.get("department"), f"{at}/department", tuple(Department))
            code = self._one_of(given.get("code"), f"{at}/code", codes_of(channel))
            return facts, [code], department
        if channel is Channel.SWEEP:
            if "group" in given:
                facts["group"] = self._one_of(given["group"], f"{at}/group", _GROUPS)
            return facts, self._gaps(given.get("checks"), f"{at}/checks"), self.caller.key_id
        facts["cause"] = self._one_of(given.get("cause"), f"{at}/cause", _CAUSES)
        code = DECLARATION if channel is Channel.DECLARATION else GRID_REPORT
        return facts, [code], self.caller.key_id

    def _gaps(self, given: Any, at: str) -> list[str]:
        checks = self.object(given, at, SWEEP_CHECKS, SWEEP_CHECKS, keeps_null=True)
        for name, value in checks.items():
            if not isinstance(value, bool):
                self.add(f"{at}/{name}", "wrong_type", "give true where it is secured, else false")
        return [f"gap_{name}" for name in SWEEP_CHECKS if checks.get(name) is False]

    def _days(self, given: dict[str, Any], at: str) -> tuple[dt.date, dt.date]:
        occurred = self.day(given.get("occurred_on"), f"{at}/occurred_on")
        known = self.day(given["known_on"], f"{at}/known_on") if "known_on" in given else self.today
        if known is not None and occurred is not None and occurred > known:
            self.add(f"{at}/occurred_on", "after_known", "give a date on or before known_on")
        # What began before there was a monitoring is a lead of the day on which it was noticed.
        first = policy_history("reason_codes", "CN")[0].effective_from
        if occurred is not None and occurred < first:
            self.add(f"{at}/occurred_on", "out_of_range", f"give a date from {first} to known_on")
        if known is not None and not first <= known <= self.today:
            self.add(f"{at}/known_on", "out_of_range", f"give a date from {first} to today")
        return occurred or self.today, known or self.today

    def _key(self, given: Any, at: str) -> str:
        return str(self.value(_KEY, given, at) or "")

    def _village(self, given: Any, at: str) -> str:
        code = self.village(given, at)
        if code and not self.caller.scope.contains(code):
            self.add(at, OUTSIDE_AREA, WAY_OUT)
        return code

    def _amount(self, given: Any, at: str) -> float:
        is_number = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
        if not (is_number and 0 <= given <= MOST_YUAN):
            self.add(at, "out_of_range", f"give yuan from 0 to {MOST_YUAN}")
            return 0.0
        return float(given)

    def _one_of(self, given: Any, at: str, words: tuple[str, ...]) -> str:
        return self.word(given, at, words) or ""

    def add(self, pointer: str, code: str, way_out: str) -> None:
        # What is missing is told once, and not as being malformed, too.
        if any(one.pointer == pointer and one.code == "missing" for one in self.errors[-len(_COMMON) * 3 :]):
            return
        super().add(pointer, code, way_out)
        if len(self.errors) >= MOST_ERRORS:
            raise TooManyErrors


def example_leads() -> dict[str, Any]:
    """A body with a lead of each channel that is sent; its household is invented."""
    whose = {"household_id": "EXAMPLE-0001", "village_code": "500999100201", "occurred_on": "2026-10-20"}
    checks = dict.fromkeys(SWEEP_CHECKS, True) | {"water": False}
    return {
        "leads": [
            {**whose, "channel": "declaration", "cause": "01", "amount_yuan": 32_000},
            {**whose, "channel": "grid", "cause": "07"},
            {**whose, "channel": "sweep", "checks": checks, "group": "marginal"},
            {**whose, "channel": "department", "department": "health", "code": "serious_illness",
             "known_on": "2026-10-28"},
        ]
    }  # fmt: skip


def leads_request_body() -> dict[str, Any]:
    """The body of the POST in OpenAPI 3.1."""
    day = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
    common = {
        "household_id": {"type": "string", "pattern": r"^[0-9A-Za-z_-]{1,64}$"},
        "village_code": {"type": "string", "pattern": r"^[0-9A-Z]{12}$", "description": "村级区划代码"},
        "occurred_on": {
            **day,
            "description": "发生日期，不早于政策起始日 / when it happened, in the policy's time",
        },
        "known_on": {**day, "description": "到达日期，不填为今天 / when it was known; left out: today"},
    }
    own: dict[str, dict[str, Any]] = {
        "cause": {"type": "string", "enum": list(_CAUSES), "description": "致贫原因代码 / official code"},
        "amount_yuan": {"type": "number", "minimum": 0, "maximum": MOST_YUAN},
        "department": {"type": "string", "enum": [one.value for one in Department]},
        "code": {"type": "string", "enum": list(codes_of(Channel.DEPARTMENT))},
        "checks": {
            "type": "object",
            "additionalProperties": False,
            "required": list(SWEEP_CHECKS),
            "properties": {name: {"type": "boolean"} for name in SWEEP_CHECKS},
            "description": "两不愁三保障和饮水安全是否落实 / whether each is secured",
        },
        "group": {"type": "string", "enum": list(_GROUPS), "description": "重点对象类型 / key group"},
    }
    items = [
        {
            "type": "object",
            "additionalProperties": False,
            "required": [*_COMMON, *needed],
            "properties": {
                "channel": {"const": channel.value, "type": "string"},
                **common,
                **{name: own[name] for name in (*needed, *more)},
            },
        }
        for channel, (needed, more) in _OWN.items()
    ]
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["leads"],
        "properties": {
            "leads": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": {"oneOf": items}}
        },
    }
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example_leads()}}}


def addition_request_body() -> dict[str, Any]:
    """The body of an entry by hand in OpenAPI 3.1."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["household_id", "reason"],
        "properties": {
            "household_id": {"type": "string", "pattern": r"^[0-9A-Za-z_-]{1,64}$"},
            "reason": {
                "type": "string",
                "enum": list(ADD_REASONS),
                "description": "突发变故、农户要求、群众反映、干部掌握、曾经纳入",
            },
        },
    }
    example = {"household_id": "EXAMPLE-0001", "reason": "neighbours_report"}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
