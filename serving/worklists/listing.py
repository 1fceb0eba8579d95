"""Why a household is listed, or is not: its place in its village, the last place, and what would have to
be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from scoring.calibration import log_odds_of
from scoring.listing import distance_word
from serving.access import Caller
from serving.cases.clocks import region_of
from serving.cases.worklist import LeftOut
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.candidates import load_candidates
from serving.storage.database import WRITES
from serving.storage.runs import Run
from serving.storage.tables import assessment
from serving.storage.transactions import logged
from serving.storage.unheard import told_of, unheard_in
from serving.storage.worklists import Listed, Worklist, find_entry, find_last_place, find_lists, terms_of

_LEAST = 1e-9
"""Of a score of 0 nothing finite is the distance."""


@dataclass(frozen=True)
class Listing:
    """One household beside the list in force in its village.

    `rank` is its place by score among the `households` of the village that the list's run scored, `border`
    the score of the last place that the score gave, `visits` what can be visited there. `hits` are the
    codes of the thresholds that it reached. `worklist` is `None` where its village has no list, `score` and
    `rank` where the list's run did not score it; `is_unheard` says that the run knew nothing of it.
    """

    household_id: str
    village_code: str
    worklist: Worklist | None
    entry: Listed | None
    score: float | None
    rank: int | None
    households: int
    visits: int | None
    border: float | None
    above_capacity: int
    hits: tuple[str, ...]
    left_out: LeftOut | None
    is_unheard: bool

    @property
    def log_odds_to_border(self) -> float | None:
        """How much more log-odds the last place would take; `None` where there is no such place."""
        if self.entry is not None or self.score is None or self.border is None:
            return None
        return max(0.0, log_odds_of(max(self.border, _LEAST)) - log_odds_of(max(self.score, _LEAST)))

    @property
    def why(self) -> str:
        """A code: why it is listed, or why it is not (`scoring/texts`, `listing`)."""
        if self.entry is not None:
            return f"listed_{self.entry.entry.why.value}"
        if self.worklist is None:
            return "no_list"
        if self.left_out is not None:
            return self.left_out.value
        if self.score is None:
            return "unheard" if self.is_unheard else "not_scored"
        if self.border is None:
            return "no_place_by_score"
        return "tied" if self.score == self.border else "below_border"

    @property
    def distance(self) -> str | None:
        """The distance to the last place in a word of `scoring.listing`."""
        away = self.log_odds_to_border
        return None if away is None else distance_word(away)


class ListingDesk:
    """Answers for one household. Who asks is in the audit log; raises `Problem` (503) where it fails."""

    def __init__(self, engine: Engine, audit: AuditLog) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit

    def find(self, caller: Caller, household_id: str) -> Listing | None:
        """The listing of a household; `None` where nothing is stored of it in the caller's area."""
        with logged(self.writer) as connection:
            found = _latest(connection, caller, household_id)
            outcome = Outcome.SHOWN if found else Outcome.NOT_FOUND
            subject = [self.audit.household(household_id)]
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)
            return _listing(connection, found) if found else None


def _listing(connection: Connection, latest: Row[Any]) -> Listing:
    household, village = latest.household_id, latest.village_code
    lists = find_lists(connection, village)
    made = lists[0] if lists else None
    run = Run(made.as_of_date, made.model_version) if made else Run(latest.as_of_date, latest.model_version)
    row = _of_run(connection, run, household, village)
    score = row.score if row else None
    households, better = _counts(connection, run, village, score)
    hits = tuple(one["code"] for one in row.body["rule_hits"]) if row else ()
    rank = None if score is None else better + 1
    is_unheard = bool(unheard_in(connection, run, village, household))
    if made is None:
        return Listing(
            household, village, None, None, score, rank, households, None, None, 0, hits, None, is_unheard
        )
    terms = terms_of(connection, made.id)
    entry = find_entry(connection, made.id, household, village)
    found = load_candidates(
        connection, run, village, made.made_on, terms["revisit_days"], region_of(village), household
    )
    candidate = found[0] if found else None
    grid = candidate.grid if candidate is not None and terms["is_by_grid"] else ""
    own = [one for one in terms["lists"] if (one["village_code"], one["grid"]) == (village, grid)]
    border = own[0]["border"] if own else find_last_place(connection, made.id, village, grid)
    return Listing(
        household, village, made, entry, score, rank, households,
        visits=own[0]["visits"] if own else None,
        border=border,
        above_capacity=own[0]["above_capacity"] if own else 0,
        hits=hits,
        left_out=candidate.left_out if candidate is not None and entry is None else None,
        is_unheard=is_unheard,
    )  # fmt: skip


def _latest(connection: Connection, caller: Caller, household_id: str) -> Row[Any] | None:
    said = told_of(household_id, caller.scope)
    newest = (said.c.as_of_date.desc(), said.c.written_at.desc(), said.c.id.desc())
    return connection.execute(select(said).order_by(*newest).limit(1)).first()


def _of_run(connection: Connection, run: Run, household_id: str, village: str) -> Row[Any, Any] | None:
    query = select(assessment.c.score, assessment.c.body).where(
        assessment.c.household_id == household_id, assessment.c.village_code == village, *_is_run(run)
    )
    return connection.execute(query).first()


def _counts(connection: Connection, run: Run, village: str, score: float | None) -> tuple[int, int]:
    """Households of the village in the run, and how many of them have a higher score."""
    here = select(func.count()).where(assessment.c.village_code == village, *_is_run(run))
    total = connection.execute(here).scalar_one()
    better = 0 if score is None else connection.execute(here.where(assessment.c.score > score)).scalar_one()
    return total, better


def _is_run(run: Run) -> tuple[Any, ...]:
    return assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version
