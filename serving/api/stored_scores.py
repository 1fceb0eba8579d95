"""Scores of stored households: keys in, their signals taken from where intake put them."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import Any

from features.signals import REQUEST_FEEDS
from serving.access import Caller
from serving.api.asked import Asked
from serving.api.not_scored import not_scored
from serving.api.rules_answers import by_rules
from serving.api.score_request import RequestReader
from serving.api.scored import score_each
from serving.around import Around
from serving.errors import Problem, TooManyErrors
from serving.neighbourhood import add_neighbourhood
from serving.rules_scorer import RulesScorer
from serving.scorer import Scorer
from serving.signals_folder import SignalsFolder
from serving.steps import take_all
from serving.storage import HistoryStore

IDS = "household_ids"
TOP = ("as_of_date", IDS)


@dataclass(frozen=True)
class StoredRequest:
    """Households to be scored as of a date, each once."""

    as_of: dt.date
    household_ids: list[str]


class StoredRequestReader(RequestReader):
    """Reads a request that names households instead of telling their signals."""

    top = TOP

    def read_ids(self, document: Any) -> StoredRequest:
        """The request; raises `Problem` with all of its errors, the first hundred if there are more."""
        as_of, ids = None, None
        with contextlib.suppress(TooManyErrors):
            if self._object(document, "", set(self.top), self.top):
                as_of = self._as_of(document.get("as_of_date"))
                ids = self._ids(document[IDS]) if document.get(IDS) is not None else None
        if self.errors or as_of is None or ids is None:
            raise Problem("request_invalid", errors=self.errors)
        return StoredRequest(as_of, ids)

    def _ids(self, given: Any) -> list[str] | None:
        items = self._array(given, f"/{IDS}")
        if items is None:
            return None
        if not 1 <= len(items) <= self.most_households:
            self._add(f"/{IDS}", "wrong_number", f"give from 1 to {self.most_households} households")
            return None
        made: dict[str, None] = {}
        for number, item in enumerate(items):
            at = f"/{IDS}/{number}"
            if item is None:
                self._add(at, "missing", "give a value")
            key = self._key(item, at)
            if key in made:
                self._add(at, "repeated_household", "give each household once in a request")
            elif key is not None:
                made[key] = None
        return list(made)


class StoredScoring:
    """Scores stored households that the caller may see, and logs who asked for whom."""

    def __init__(self, signals: SignalsFolder, history: HistoryStore, around: Around) -> None:
        self.signals = signals
        self.history = history
        self.around = around

    def score(
        self, scorer: Scorer | RulesScorer, caller: Caller, request: StoredRequest, asked: Asked
    ) -> dict[str, Any]:
        """The answer, in the order of the request's keys.

        Who is outside of the caller's area, nowhere, or not registered on the date has a problem in place of
        a score, the same each time; so has who is there and nothing is known of. Raises `Problem` as the
        folder of signals and the log do.
        """
        # Those that a request may tell, so that both ways give one answer.
        found, coverage = self.signals.find(request.household_ids, request.as_of, caller.scope, REQUEST_FEEDS)
        self.history.note_scored(caller, request.household_ids, found)
        households, coverage = add_neighbourhood(
            list(found.values()), request.as_of, coverage, self.around.villages, scorer.look_back
        )
        if isinstance(scorer, RulesScorer):
            by_key = {one["household_id"]: one for one in scorer.score(households, request.as_of, coverage)}
            return by_rules([by_key.get(one) or not_scored(one) for one in request.household_ids])
        made = take_all(score_each(scorer, self.around, households, request.as_of, coverage, asked))
        told = {one["household_id"]: one for one in made}
        return {
            "model": scorer.versions(),
            "results": [told.get(one) or not_scored(one) for one in request.household_ids],
        }
