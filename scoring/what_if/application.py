"""Applying a plan: stored rows in, changed rows out. A measure is a change of facts and of nothing else.

Rows that a measure does not touch stay the very objects they were, and the rows given are never written to.
A household without an account of its own gets no line of one: a single line would pass for the whole account.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from features.dates import to_day
from features.engines.row import Rows
from features.reference_estimate import seen_last_year
from scoring.what_if.period import Period
from scoring.what_if.plan import PlannedMeasure

Row = Mapping[str, Any]


def apply_measure(rows: Rows, planned: PlannedMeasure, period: Period) -> Rows:
    """The rows of one household as they would be with one measure, laid over the window of the period."""
    work = _Application(rows, planned, period)
    work.run()
    return work.rows


class _Application:
    """One measure on its way into the rows of one household."""

    def __init__(self, rows: Rows, planned: PlannedMeasure, period: Period) -> None:
        self.rows: dict[str, Any] = dict(rows)
        self.planned = planned
        self.changes = planned.measure.changes
        self.period = period
        self.today = to_day(period.as_of)
        self.first = to_day(period.laid(planned.starts_on))
        self.days = [to_day(period.laid(day)) for day in planned.payments]

    def run(self) -> None:
        steps: dict[str, Callable[[], None]] = {
            "allowance": self._allowance,
            "cash": self._cash,
            "aid": self._aid,
            "wages": self._wages,
            "business": self._business,
            "reimbursement": self._reimbursement,
            "enrolment": self._enrolment,
            "repair": self._repair,
            "gift": self._gift,
            "nothing": lambda: None,
        }
        steps[self.changes.kind]()

    def _allowance(self) -> None:
        monthly = max(0, self.planned.amount_fen - drawn_fen(self.rows, self.changes.assistance, self.today))
        if monthly and self.days:
            self._spell("assistance", kind=self.changes.assistance, monthly_fen=monthly)
            self._transfers(monthly)

    def _cash(self) -> None:
        if self.changes.assistance:
            day = self.first
            paid = {"kind": self.changes.assistance, "monthly_fen": self.planned.amount_fen}
            self._add("assistance", day, **paid, ended_on=day, ended_known_on=day)
        self._transfers(self.planned.amount_fen)

    def _aid(self) -> None:
        total = self.planned.amount_fen * len(self.days)
        if total:
            # Aid that lowers what schooling costs is no income as well: it counts once.
            rest = self._shift("schooling", "aid_fen", total, lambda row: row["cost_fen"] - row["aid_fen"])
            if rest:
                self._income("transfers", rest, self.days[-1])
            self._account(self.changes.account, total)

    def _wages(self) -> None:
        each = self.planned.amount_fen // self.planned.persons
        workers = self._workers()
        for number in range(self.planned.persons):
            member = workers[number % len(workers)] if workers else "0"
            self._spell("employment", member_id=member, work=self.changes.work, monthly_wage_fen=each)
        for day in self.days:
            self._income("wages", self.planned.amount_fen, day)
        self._account(self.changes.account, self.planned.amount_fen * len(self.days))

    def _business(self) -> None:
        self._income("business", self.planned.amount_fen, self.first)
        self._account(self.changes.account, self.planned.amount_fen)

    def _reimbursement(self) -> None:
        amount = self.planned.amount_fen
        self._shift("illness", "reimbursed_fen", amount, lambda row: row["self_paid_fen"], "self_paid_fen")
        self._shift("account", None, amount, _account_self_paid, "amount_fen")

    def _enrolment(self) -> None:
        insured = {row["member_id"] for row in self._open("insurance")}
        self._replace("insurance", lambda row: {**row, "is_subsidised": True})
        for member in sorted({row["member_id"] for row in self._open("member")} - insured):
            self._spell("insurance", member_id=member, is_subsidised=True)

    def _repair(self) -> None:
        changes = self.changes
        if changes.feed:
            self._replace(
                changes.feed,
                lambda row: (
                    {**row, changes.field: changes.good} if row[changes.field] in changes.bad else row
                ),
            )
        self._replace(
            "guarantee",
            lambda row: (
                {**row, "answer": "yes"} if row["item"] == changes.item and row["answer"] == "no" else row
            ),
        )

    def _gift(self) -> None:
        self._account(self.changes.account, self.planned.amount_fen)

    def _transfers(self, each_fen: int) -> None:
        for day in self.days:
            self._income("transfers", each_fen, day)
        self._account(self.changes.account, each_fen * len(self.days))

    def _income(self, source: str, fen: int, day: int) -> None:
        self._add("income", day, source=source, amount_fen=fen, cost_fen=0)

    def _account(self, line: str, fen: int) -> None:
        seen = seen_last_year(self.rows, "account", self.period.as_of)
        if seen and fen:
            # On the day of the newest line: the account is no fresher than its visit.
            newest = max(seen, key=lambda row: (row["occurred_on"], row["known_on"]))
            row = {"line": line, "amount_fen": fen, "known_on": newest["known_on"]}
            self._add("account", newest["occurred_on"], **row)

    def _spell(self, feed: str, **values: Any) -> None:
        ended = self.planned.ends_on and to_day(self.period.laid(self.planned.ends_on))
        self._add(feed, self.first, **values, ended_on=ended, ended_known_on=ended)

    def _add(self, feed: str, day: int, **values: Any) -> None:
        household = self.rows["household"][0]["household_id"]
        row = {"household_id": household, "occurred_on": day, "known_on": day, "is_known_on_estimated": False}
        self.rows[feed] = [*self.rows.get(feed, ()), {**row, **values}]

    def _shift(
        self, feed: str, raised: str | None, fen: int, room: Callable[[Row], int], lowered: str | None = None
    ) -> int:
        """Move up to `fen` within the rows of last year, oldest first; returns what found no room."""
        rows = list(self.rows.get(feed, ()))
        seen = {id(row) for row in seen_last_year(self.rows, feed, self.period.as_of)}
        places = [place for place, row in enumerate(rows) if id(row) in seen]
        is_moved = False
        for place in sorted(places, key=lambda one: (rows[one]["occurred_on"], rows[one]["known_on"])):
            step = min(fen, max(0, room(rows[place])))
            if step:
                changed = dict(rows[place])
                if raised:
                    changed[raised] += step
                if lowered:
                    changed[lowered] -= step
                rows[place] = changed
                fen -= step
                is_moved = True
        if is_moved:
            self.rows[feed] = rows
        return fen

    def _open(self, feed: str) -> list[Row]:
        return [row for row in self.rows.get(feed, ()) if is_open_on(row, self.today)]

    def _replace(self, feed: str, change: Callable[[Row], Row]) -> None:
        rows = self.rows.get(feed, ())
        changed = [change(row) if is_open_on(row, self.today) else row for row in rows]
        if any(new != old for new, old in zip(changed, rows, strict=True)):
            self.rows[feed] = changed

    def _workers(self) -> list[str]:
        """Members to give work to: those able and idle first, then those able, then anyone."""
        working = {row["member_id"] for row in self._open("employment")}
        able = ("skilled", "ordinary", "weak", "none")
        members = sorted(
            self._open("member"),
            key=lambda row: (row["member_id"] in working, able.index(row["labour"]), row["member_id"]),
        )
        return list(dict.fromkeys(row["member_id"] for row in members))


def drawn_before(rows: Rows, planned: PlannedMeasure, as_of: dt.date) -> int:
    """What the household draws a month, in fen, of the support that an allowance raises; else 0."""
    changes = planned.measure.changes
    return drawn_fen(rows, changes.assistance, to_day(as_of)) if changes.kind == "allowance" else 0


def drawn_fen(rows: Rows, kind: str, today: int) -> int:
    """What the household draws a month of one kind of assistance, as known on the day."""
    return sum(
        row["monthly_fen"]
        for row in rows.get("assistance", ())
        if row["kind"] == kind and is_open_on(row, today)
    )


def is_open_on(row: Row, today: int) -> bool:
    """Whether a spell goes on, as far as is known on the day."""
    if row["occurred_on"] > today or row["known_on"] > today:
        return False
    ended, known = row["ended_on"], row["ended_known_on"]
    return ended is None or known is None or known > today or ended >= today


def _account_self_paid(row: Row) -> int:
    return int(row["amount_fen"]) if row["line"] == "self_paid_medical" else 0
