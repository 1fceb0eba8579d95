"""A scoring request: from a parsed document to checked households, or every error it has at once.

An error's pointer names places of the document by names that the contracts know and by positions; a
name that nobody declared is never repeated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, ClassVar

from features import CONTRACTS, Coverage, FeaturesError
from features.engines.row import Rows, stored_row
from features.errors import CoverageError
from features.regions import check_area_code
from features.signals import REQUEST_FEEDS, Contract, Delivery
from features.signals.coverage import COLUMNS
from features.signals.defects import Defect
from features.signals.fields import Date, Identifier
from features.signals.reading import ReadRows, compile_readers
from serving.api.json_body import may_repeat_a_name, parse_unproven
from serving.cases.clocks import china_today
from serving.errors import MOST_ERRORS, FieldError, Problem, TooManyErrors
from serving.rules_scorer import RulesScorer
from serving.scorer import HouseholdRows, Scorer

TOP = ("as_of_date", "coverage", "households")
HOUSEHOLD = ("household_id", "signals")

_DAY = Date(name="date", zh="日期", en="date")
_parse_day = lru_cache(maxsize=1024)(_DAY.parse)
_KEY = next(
    one for one in CONTRACTS["household"].fields if isinstance(one, Identifier) and one.name == "household_id"
)
_SURFACES = {name: frozenset(one.surface for one in made.fields) for name, made in REQUEST_FEEDS.items()}
_STAND_IN = "0"
_READERS = compile_readers(REQUEST_FEEDS)
_MOST_COVERAGES = 16


@dataclass(frozen=True)
class ScoreRequest:
    """A request that keeps every rule."""

    as_of: dt.date
    coverage: Coverage
    households: list[HouseholdRows]


class RequestReader:
    """Reads one document; `read` or `read_plain` is called once."""

    top: ClassVar[tuple[str, ...]] = TOP

    def __init__(self, scorer: Scorer | RulesScorer, most_households: int) -> None:
        self.scorer = scorer
        self.most_households = most_households
        self.errors: list[FieldError] = []
        self._most_errors = MOST_ERRORS

    def read(self, document: Any) -> ScoreRequest:
        """The request; raises `Problem` with all of its errors, the first hundred if there are more."""
        made = self._try(document)
        if made is None:
            raise Problem("request_invalid", errors=self.errors)
        return made

    def read_plain(self, body: bytes) -> ScoreRequest | None:
        """The request of a body that nothing is wrong with; `None` leaves it to `parse_json` and `read`."""
        try:
            document = parse_unproven(body)
        except ValueError:
            return None
        # One is enough to leave the body.
        self._most_errors = 1
        made = self._try(document)
        # Every value of a request is of bounded numbers and known words, none with a colon.
        return None if made is None or may_repeat_a_name(body, _count_names(document)) else made

    def _try(self, document: Any) -> ScoreRequest | None:
        try:
            made = self._request(document)
        except TooManyErrors:
            return None
        return None if self.errors else made

    def _request(self, document: Any) -> ScoreRequest | None:
        if not self._object(document, "", set(self.top), self.top):
            return None
        as_of = self._as_of(document.get("as_of_date"))
        coverage = self._coverage(document.get("coverage"))
        households = self._households(document.get("households"), as_of)
        if as_of is None or coverage is None or households is None:
            return None
        return ScoreRequest(as_of, coverage, households)

    def _as_of(self, given: Any) -> dt.date | None:
        if given is None:
            return None
        day = self._day(given, "/as_of_date")
        if day is not None and day > china_today():
            way_out = "give today in China at the latest: nothing is known on a day to come"
            self._add("/as_of_date", "in_the_future", way_out)
            return None
        if day is not None and day < self.scorer.first_day:
            first, parameter = self.scorer.first_day, self.scorer.first_day_of
            self._add(
                "/as_of_date",
                "before_policy",
                f"give a date from {first} on: the policy number {parameter} has no value before",
            )
            return None
        return day

    def _coverage(self, given: Any) -> Coverage | None:
        rows = self._array(given, "/coverage")
        if rows is None:
            return None
        found = _COVERAGES.find(rows)
        if found is not None:
            return found
        deliveries = [self._delivery(row, f"/coverage/{at}") for at, row in enumerate(rows)]
        return Coverage([one for one in deliveries if one is not None])

    def _delivery(self, row: Any, at: str) -> Delivery | None:
        if not self._object(row, at, set(COLUMNS), COLUMNS):
            return None
        before = len(self.errors)
        feed, area = row.get("feed"), row.get("area_code")
        if feed is not None and not (isinstance(feed, str) and feed in REQUEST_FEEDS):
            self._add(f"{at}/feed", "unknown_category", f"give one of {', '.join(REQUEST_FEEDS)}")
        if area is not None:
            try:
                check_area_code(area)
            except FeaturesError as error:
                self._add(f"{at}/area_code", "malformed", str(error))
        days = {
            name: self._day(row[name], f"{at}/{name}") for name in COLUMNS[2:] if row.get(name) is not None
        }
        if len(self.errors) > before or None in (feed, area) or len(days) < 3:
            return None
        if days["complete_until"] > days["known_on"]:  # type: ignore[operator]
            way_out = "nothing is complete before it has happened: known_on is on or after complete_until"
            self._add(f"{at}/complete_until", "complete_before_known", way_out)
            return None
        try:
            return Delivery(feed, area, **days)  # type: ignore[arg-type]
        except CoverageError:
            way_out = "complete_until is not before complete_from"
            self._add(f"{at}/complete_until", "ended_before_start", way_out)
            return None

    def _households(self, given: Any, as_of: dt.date | None) -> list[HouseholdRows] | None:
        items = self._array(given, "/households")
        if items is None:
            return None
        if not 1 <= len(items) <= self.most_households:
            way_out = f"give from 1 to {self.most_households} households in one request"
            self._add("/households", "wrong_number", way_out)
            return None
        made, seen = [], set()
        for number, item in enumerate(items):
            at = f"/households/{number}"
            if not self._object(item, at, set(HOUSEHOLD), HOUSEHOLD):
                continue
            key = self._key(item.get("household_id"), f"{at}/household_id")
            if key is not None and key in seen:
                self._add(f"{at}/household_id", "repeated_household", "give each household once in a request")
            seen.add(key)
            one = self._household(item.get("signals"), key or _STAND_IN, as_of, at)
            if one is not None:
                made.append(one)
        return made

    def _household(
        self, signals: Any, household_id: str, as_of: dt.date | None, at: str
    ) -> HouseholdRows | None:
        if signals is None or not self._object(signals, f"{at}/signals", REQUEST_FEEDS.keys(), ()):
            return None
        before = len(self.errors)
        found = {
            feed: read(signals[feed], household_id) for feed, read in _READERS.items() if feed in signals
        }
        values_of = {feed: one for feed, one in found.items() if one is not None}
        rows: Rows = ReadRows(REQUEST_FEEDS, values_of)
        if len(values_of) < len(found):
            rows = {
                feed: self._rows(REQUEST_FEEDS[feed], signals[feed], household_id, f"{at}/signals/{feed}")
                if one is None
                else rows[feed]
                for feed, one in found.items()
            }
        if as_of is None or len(self.errors) > before:
            return None
        village = self._village(rows, as_of)
        if village is None:
            self._add(
                f"{at}/signals/household",
                "not_registered",
                "give a household row that occurred and was known on or before as_of_date and had not ended",
            )
            return None
        return HouseholdRows(household_id, village, rows)

    def _rows(self, contract: Contract, given: Any, household_id: str, place: str) -> list[dict[str, Any]]:
        """Rows of which some may have errors, each told at its place."""
        given = self._array(given, place) or []
        read = _READERS[contract.name]
        rows = []
        for number, one in enumerate(given):
            made = read([one], household_id)
            row = (
                dict(zip(contract.columns, made[0], strict=True))
                if made
                else self._row(contract, one, household_id, f"{place}/{number}")
            )
            if row is not None:
                rows.append(row)
        if len(rows) == len(given):
            self._tell_repeats(rows, place)
        return rows

    def _tell_repeats(self, rows: list[dict[str, Any]], at: str) -> None:
        """The same record twice would count twice; intake refuses it, too."""
        seen: set[tuple[Any, ...]] = set()
        for number, row in enumerate(rows):
            content = tuple(row.values())
            if content in seen:
                way_out = "remove it: an earlier row of the feed is the same in every field"
                self._add(f"{at}/{number}", "repeated_row", way_out)
            seen.add(content)

    def _row(self, contract: Contract, row: Any, household_id: str, at: str) -> dict[str, Any] | None:
        if not self._object(row, at, _SURFACES[contract.name], ()):
            return None
        if row.get("household_id", household_id) != household_id:
            way_out = "leave household_id out of the rows, or repeat the household's own"
            self._add(f"{at}/household_id", "other_household", way_out)
            return None
        parsed = contract.parse_row({**row, "household_id": household_id}, is_json=True)
        if isinstance(parsed, list):
            for defect in parsed:
                self._add(f"{at}/{defect.field}", defect.code, defect.way_out)
            return None
        return stored_row(parsed)

    def _village(self, rows: Rows, as_of: dt.date) -> str | None:
        try:
            return self.scorer.engine.village_code(rows, as_of)
        except FeaturesError:
            return None

    def _key(self, given: Any, at: str) -> str | None:
        try:
            return None if given is None else str(_KEY.parse(given))
        except Defect as defect:
            self._add(at, defect.code, defect.way_out)
            return None

    def _day(self, given: Any, at: str) -> dt.date | None:
        try:
            day = _parse_day(given) if isinstance(given, str) else _DAY.parse(given)
        except Defect as defect:
            self._add(at, defect.code, defect.way_out)
            return None
        assert isinstance(day, dt.date)
        return day

    def _object(self, given: Any, at: str, allowed: Set[str], required: Collection[str]) -> bool:
        """Whether it is an object of known names with all required ones; tells what is not so."""
        if not isinstance(given, dict):
            self._add(at, "wrong_type", "give a JSON object")
            return False
        is_known = given.keys() <= allowed
        if not is_known:
            unknown = len(given.keys() - allowed)
            way_out = f"remove {unknown} name(s) nobody declared; there are {', '.join(sorted(allowed))}"
            self._add(at, "unknown_field", way_out)
        for name in required:
            if _absent(given, name):
                self._add(f"{at}/{name}", "missing", "give a value")
        return is_known

    def _array(self, given: Any, at: str) -> list[Any] | None:
        if given is None and at in ("/coverage", "/households"):
            return None
        if not isinstance(given, list):
            self._add(at, "wrong_type", "give a JSON array")
            return None
        return given

    def _add(self, pointer: str, code: str, way_out: str) -> None:
        self.errors.append(FieldError(pointer, code, way_out))
        if len(self.errors) >= self._most_errors:
            raise TooManyErrors


def _absent(given: Mapping[str, Any], name: str) -> bool:
    return given.get(name) is None


def _count_names(document: Mapping[str, Any]) -> int:
    """The names that the objects of a request without errors have."""
    count = len(document) + sum(map(len, document["coverage"]))
    for one in document["households"]:
        signals = one["signals"]
        count += len(one) + len(signals) + sum(map(len, chain.from_iterable(signals.values())))
    return count


class _Coverages:
    """The coverages of rows that nothing is wrong with, the last few kept.

    A platform sends the same coverage with every household of a day, and what it covers is worked out once.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[list[Any], Coverage], ...] = ()

    def find(self, rows: list[Any]) -> Coverage | None:
        """The coverage of these rows; `None` where something is wrong."""
        # All that is kept is texts, which nothing but the same texts is equal to.
        for known, found in self._kept:
            if known == rows:
                return found
        made = _plain_coverage(rows)
        if made is not None:
            self._kept = ((rows, made), *self._kept[: _MOST_COVERAGES - 1])
        return made


def _plain_coverage(rows: list[Any]) -> Coverage | None:
    if not all(type(row) is dict and all(type(one) is str for one in row.values()) for row in rows):
        return None
    try:
        return Coverage.from_rows(rows, REQUEST_FEEDS).check_arrivals()
    except CoverageError:
        return None


_COVERAGES = _Coverages()
