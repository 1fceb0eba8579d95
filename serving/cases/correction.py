"""Corrections: facts that a visit found to be otherwise, laid over what is stored once they are approved.

An approved correction is a row of a feed that was known on the day of the approval. A score of an earlier
date does not see it: what was known then stays what it was. Only a score that is made again after an
approval, and says so, takes it as known on its date (`corrected_on`): the facts of that day, told right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from features.dates import to_day
from features.engines.row import Rows, stored_row
from features.errors import ContractError
from features.signals import PLATFORM_FEEDS, REQUEST_FEEDS, Contract
from features.signals.contract import ENDED_KNOWN_ON, ENDED_ON, KNOWN_ON, OCCURRED_ON
from serving.cases.document import DocumentReader

FEEDS = {name: one for name, one in REQUEST_FEEDS.items() if name not in PLATFORM_FEEDS}
"""Feeds whose facts a visit may correct: not the outcome, and nothing that the platform works out."""

KEY = "household_id"
_ESTIMATED = "is_known_on_estimated"
GIVEN_BY_US = (KEY, KNOWN_ON, ENDED_KNOWN_ON, _ESTIMATED)
"""Fields that nobody at the door fills in: whose row it is, and when the platform knew of it."""


class CorrectionState(StrEnum):
    """Where a correction stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why a correction was refused; told to whoever proposed it."""

    AS_RECORDED = "as_recorded"
    NO_PROOF = "no_proof"
    MISTAKEN = "mistaken"
    OF_ANOTHER = "of_another"
    BY_DEPARTMENT = "by_department"


@dataclass(frozen=True)
class Correction:
    """One corrected fact: a surface row as it should be (empty: there is none), and what tells the rows that
    it takes the place of (`None`: it was missing). Neither says whose it is or when it was known."""

    feed: str
    row: Mapping[str, Any]
    replaces: Mapping[str, Any] | None

    @property
    def contract(self) -> Contract:
        """The contract of its feed."""
        return FEEDS[self.feed]

    @cached_property
    def days(self) -> tuple[dt.date, ...]:
        """The day that its row happened on and the day that it ended; none where there is to be no row."""
        told = (self.row.get(name) for name in (OCCURRED_ON, ENDED_ON))
        return tuple(dt.date.fromisoformat(one) for one in told if one is not None)

    def stored(self, household_id: str, known_on: dt.date) -> dict[str, Any] | None:
        """The row as stored values, known on a day; `None` where it is to be none.

        Raises `ContractError` where the contract does not take it.
        """
        if not self.row:
            return None
        made = self.contract.parse_row(_dated(self.contract, self.row, household_id, known_on), is_json=True)
        if isinstance(made, list):
            raise ContractError(f"a correction of {self.feed} breaks a rule: {made[0].code}")
        return made

    def is_replaced(self, stored: Mapping[str, Any]) -> bool:
        """Whether it takes the place of a stored row, its dates as dates or as day numbers."""
        if self.replaces is None:
            return False
        return all(_as_day(stored.get(column)) == value for column, value in self._replaced.items())

    @cached_property
    def _replaced(self) -> dict[str, Any]:
        """Column → stored value of what tells the rows that it takes the place of."""
        fields = {one.surface: one for one in self.contract.fields}
        given = self.replaces or {}
        return {fields[name].column: _as_day(fields[name].parse(value)) for name, value in given.items()}


@dataclass(frozen=True)
class Approved:
    """A correction that is approved, whose it is and since when it counts."""

    household_id: str
    village_code: str
    correction: Correction
    approved_on: dt.date

    def as_json(self) -> dict[str, str]:
        """What an assessment says of it; no value of the row."""
        return {"feed": self.correction.feed, "approved_on": self.approved_on.isoformat()}


def lay_over(
    rows: Rows, approved: Sequence[Approved], as_of: dt.date, corrected_on: dt.date | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The stored rows of one household with its corrections that are `in_force` laid over them, the first
    first.

    `rows` have dates as day numbers, and are left as they are.
    """
    made = {feed: [dict(row) for row in records] for feed, records in rows.items()}
    for one in in_force(approved, as_of, corrected_on):
        feed = one.correction.feed
        made[feed] = [stored_row(row) for row in corrected(made.get(feed, []), one, as_of)]
    return made


def corrected(records: Sequence[Mapping[str, Any]], one: Approved, as_of: dt.date) -> list[Mapping[str, Any]]:
    """The stored rows of one feed of a household with one correction laid over them, known by a date.

    A correction whose row is not there any more, because its department corrected it as well, adds nothing:
    it would count twice.
    """
    kept = [row for row in records if not one.correction.is_replaced(row)]
    if one.correction.replaces is not None and len(kept) == len(records):
        return kept
    stored = one.correction.stored(one.household_id, min(one.approved_on, as_of))
    return kept if stored is None else [*kept, stored]


def in_force(
    approved: Iterable[Approved], as_of: dt.date, corrected_on: dt.date | None = None
) -> list[Approved]:
    """Those of up to a date, in the order of their approval.

    With `corrected_on`, those approved up to that later day as well, if what they tell of had happened by the
    date.
    """

    def counts(one: Approved) -> bool:
        if one.approved_on <= as_of or corrected_on is None:
            return one.approved_on <= as_of
        return one.approved_on <= corrected_on and min(one.correction.days, default=as_of) <= as_of

    return sorted(filter(counts, approved), key=lambda one: one.approved_on)


def read_correction(
    reader: DocumentReader, given: Any, at: str, household_id: str, visited_on: dt.date
) -> Correction | None:
    """A correction from a document, its row checked by the contract; what is wrong is noted."""
    there = reader.object(given, at, ("feed", "row", "replaces"), ("feed",))
    feed = reader.word(there["feed"], f"{at}/feed", tuple(FEEDS)) if "feed" in there else None
    if feed is None:
        return None
    contract, before = FEEDS[feed], len(reader.errors)
    if "row" not in there and "replaces" not in there:
        reader.add(f"{at}/row", "missing", "give the row as it should be, or which one there should not be")
    row = _read_row(reader, contract, there.get("row"), f"{at}/row", household_id, visited_on)
    replaces = _read_replaces(reader, contract, there.get("replaces"), f"{at}/replaces")
    return None if len(reader.errors) > before else Correction(feed, row, replaces)


def _read_row(
    reader: DocumentReader, contract: Contract, given: Any, at: str, household_id: str, visited_on: dt.date
) -> dict[str, Any]:
    if given is None:
        return {}
    names = [one.surface for one in contract.fields if one.name not in GIVEN_BY_US]
    row = reader.object(given, at, names, may_be_null=True)
    if not row:
        reader.add(at, "missing", "give the fields of the row")
        return {}
    parsed = contract.parse_row(_dated(contract, row, household_id, visited_on), is_json=True)
    if isinstance(parsed, list):
        for one in parsed:
            late = one.field == KNOWN_ON
            reader.add(
                f"{at}/{OCCURRED_ON if late else one.field}",
                "after_visit" if late else one.code,
                "give a day on or before the visit" if late else one.way_out,
            )
    return row


def _read_replaces(reader: DocumentReader, contract: Contract, given: Any, at: str) -> dict[str, Any] | None:
    if given is None:
        return None
    fields = {one.surface: one for one in contract.fields if one.name not in GIVEN_BY_US}
    named = reader.object(given, at, tuple(fields), (OCCURRED_ON,), may_be_null=True)
    for name, value in named.items():
        reader.value(fields[name], value, f"{at}/{name}")
    return named


def _dated(
    contract: Contract, row: Mapping[str, Any], household_id: str, known_on: dt.date
) -> dict[str, Any]:
    made = {**row, KEY: household_id, KNOWN_ON: known_on.isoformat()}
    if contract.kind == "spell" and made.get(ENDED_ON) is not None:
        made[ENDED_KNOWN_ON] = known_on.isoformat()
    return made


def _as_day(value: Any) -> Any:
    return to_day(value) if isinstance(value, dt.date) else value
