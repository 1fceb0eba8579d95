"""The departments' records that a visit may find to be otherwise, each asked about, and what is answered.

A record is told by all its values, so that nothing else is taken away with it; what is otherwise is written
over them. Nobody at the door fills in whose it is or when the platform knew of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from features.dates import from_day
from features.engines.row import Rows
from features.signals import Contract
from features.signals.contract import OCCURRED_ON
from features.signals.fields import Category, Count, Date, Field, Flag, Identifier, Money
from serving.cases.contract_words import category_words, field_label
from serving.cases.correction import FEEDS, GIVEN_BY_US
from serving.console.fields import Form
from serving.console.texts import texts

GONE, OTHERWISE = "gone", "otherwise"
MOST_RECORDS, MOST_OF_FEED = 24, 4
_RECORD = "record."
_ASKED_APART = frozenset({"account", "guarantee"})
"""What the visit looks at itself."""
_OF = "@"
_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Record:
    """A record of a feed: the surface values that tell it, `is_whole` where they are all that it has."""

    feed: str
    values: Mapping[str, Any]
    is_whole: bool

    @property
    def contract(self) -> Contract:
        """The contract of its feed."""
        return FEEDS[self.feed]

    @property
    def key(self) -> str:
        """Its feed and values as one text; the inverse of `_record_of`."""
        return f"{self.feed}{_OF}{urlencode({name: _typed(value) for name, value in self.values.items()})}"


def records_of_rows(rows: Rows) -> list[Record]:
    """The latest records of what is stored of a household, the latest known first."""
    found = []
    for feed, contract in FEEDS.items():
        if feed in _ASKED_APART:
            continue
        latest = sorted(rows.get(feed, ()), key=lambda one: one[OCCURRED_ON], reverse=True)
        found += [
            (one["known_on"], Record(feed, _surface(contract, one), True)) for one in latest[:MOST_OF_FEED]
        ]
    found.sort(key=lambda one: one[0], reverse=True)
    return [one for _, one in found[:MOST_RECORDS]]


def records_of_assessment(body: Mapping[str, Any] | None) -> list[Record]:
    """Where no signals are kept: the day of every feed's latest record, as the assessment has it."""
    facts = body["latest_facts"] if body else {}
    return [
        Record(feed, {OCCURRED_ON: fact["occurred_on"]}, False)
        for feed in FEEDS
        if feed not in _ASKED_APART and (fact := facts.get(feed)) is not None
    ]


def record_views(records: Iterable[Record], language: str, given: Form) -> list[dict[str, Any]]:
    """What the template writes of each; what was `given` before stands in it again."""
    return [_view(number, one, language, given) for number, one in enumerate(records)]


def corrections_of(form: Form) -> list[dict[str, Any]]:
    """The corrections that a page proposes; whether they are right the reader of visits says."""
    made = []
    for number in range(MOST_RECORDS):
        at = f"{_RECORD}{number}"
        found = form.find(at)
        if found is None:
            continue
        feed, told = _record_of(form.find(f"{at}.of") or "")
        correction: dict[str, Any] = {"feed": feed, "replaces": told}
        if found != GONE and feed in FEEDS:
            correction["row"] = _row(FEEDS[feed], form, at, told)
        made.append(correction)
    return made


def _view(number: int, record: Record, language: str, given: Form) -> dict[str, Any]:
    words, contract, at = texts(language), record.contract, f"{_RECORD}{number}"
    is_again = given.find(f"{at}.of") == record.key
    chosen = given.find(at) if is_again else None
    options = [(GONE, words["record_gone"])]
    if record.is_whole:
        options.append((OTHERWISE, words["record_otherwise"]))
    return {
        "name": at,
        "key": record.key,
        "text": words["visit_record"].format(
            feed=contract.zh if language == "zh" else contract.en,
            date=record.values[OCCURRED_ON],
            source=contract.source_zh if language == "zh" else contract.source_en,
        ),
        "options": [{"key": key, "text": said, "is_chosen": key == chosen} for key, said in options],
        "is_open": chosen is not None,
        "fields": [
            _field(record, field, at, language, given if is_again else None) for field in _editable(contract)
        ]
        if record.is_whole
        else [],
    }


def _field(record: Record, field: Field, at: str, language: str, given: Form | None) -> dict[str, Any]:
    name = f"{at}.{field.surface}"
    value = (given.find(name) or "") if given else _typed(record.values.get(field.surface))
    made: dict[str, Any] = {
        "name": name,
        "label": field_label(field, language),
        "value": value,
        "options": [],
    }
    match field:
        case Category():
            made["options"] = list(category_words(record.feed, field, language).items())
        case Flag():
            made["options"] = [("yes", texts(language)["yes"]), ("no", texts(language)["no"])]
    made["kind"] = "select" if made["options"] else "date" if isinstance(field, Date) else "text"
    made["is_number"] = isinstance(field, Count | Money)
    return made


def _editable(contract: Contract) -> list[Field]:
    """What a visit may find otherwise: not whose record it is."""
    return [one for one in contract.fields if one.name not in GIVEN_BY_US and not isinstance(one, Identifier)]


def _record_of(key: str) -> tuple[str, dict[str, Any]]:
    feed, _, told = key.partition(_OF)
    fields = {one.surface: one for one in FEEDS[feed].fields} if feed in FEEDS else {}
    return feed, {
        name: _read(fields[name], value) if name in fields else value
        for name, value in parse_qsl(told, keep_blank_values=True)
    }


def _row(contract: Contract, form: Form, at: str, told: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        one.surface: told[one.surface]
        for one in contract.fields
        if isinstance(one, Identifier) and one.surface in told
    }
    for field in _editable(contract):
        given = form.find(f"{at}.{field.surface}")
        if given is not None:
            made[field.surface] = _read(field, given)
    return made


def _surface(contract: Contract, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The surface values of a stored row, its days as they are written; what it does not have is left out."""
    made = {}
    for field in contract.fields:
        value = stored.get(field.column)
        if field.name in GIVEN_BY_US or value is None:
            continue
        made[field.surface] = (
            from_day(value).isoformat() if isinstance(field, Date) else field.to_surface(value)
        )
    return made


def _typed(value: Any) -> str:
    """A value as a person types it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}".removesuffix(".00") if isinstance(value, float) else str(value)


def _read(field: Field, given: str) -> Any:
    """The JSON value of what was typed; what is none stays a text, for the contract to refuse."""
    match field:
        case Flag():
            return {"yes": True, "no": False}.get(given, given)
        case Money() if _AMOUNT.fullmatch(given):
            return float(given)
        case Count() if _NUMBER.fullmatch(given):
            return int(given)
    return given
