"""What the engines share: which aggregates a set of features needs, each once, feed by feed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from features.language.expressions import (
    Aggregate,
    Column,
    Expr,
    KnownColumn,
    Mark,
    PolicyNumber,
    aggregates,
    walk,
)
from features.language.feature import Feature
from features.policy import policy_value
from features.signals.fields import FEN_PER_YUAN


@dataclass(frozen=True)
class FeedPlan:
    """One pass over one feed: the conditions all its aggregates share, and the aggregates by slot name."""

    feed: str
    shared: tuple[Expr, ...]
    first_months: int | None
    slots: dict[str, Aggregate]

    def own_conditions(self, aggregate: Aggregate) -> tuple[Expr, ...]:
        """The aggregate's conditions beyond the shared ones, its window not included."""
        return tuple(condition for condition in aggregate.where if condition not in self.shared)


class Plan:
    """The aggregates of a set of features, each distinct one named ``a0``, ``a1``, … once."""

    def __init__(self, features: Iterable[Feature]) -> None:
        self.features = tuple(features)
        distinct: dict[Aggregate, str] = {}
        for one in self.features:
            for aggregate in aggregates(one.output):
                distinct.setdefault(aggregate, f"a{len(distinct)}")
        self.slots = distinct

    @cached_property
    def feeds(self) -> tuple[FeedPlan, ...]:
        """One plan for each feed that is needed."""
        plans = []
        for feed in dict.fromkeys(aggregate.feed for aggregate in self.slots):
            mine = {slot: one for one, slot in self.slots.items() if one.feed == feed}
            members = list(mine.values())
            shared = tuple(c for c in members[0].where if all(c in one.where for one in members))
            windows = [one.window for one in members]
            firsts = [window.first_months for window in windows if window]
            widest = max(firsts) if len(firsts) == len(windows) else None
            plans.append(FeedPlan(feed, shared, widest, mine))
        return tuple(plans)

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """Every day mark that occurs, windows and coverage needs included."""
        found: dict[Mark, None] = {Mark(): None}
        for one in self.features:
            for node in walk(one.output):
                if isinstance(node, Mark):
                    found[node] = None
                if isinstance(node, Aggregate):
                    months = [node.covered_months]
                    if node.window:
                        months += [node.window.first_months, node.window.last_months]
                    found.update({Mark("months", back): None for back in months if back})
        return tuple(found)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Every policy amount that occurs."""
        nodes = (node for one in self.features for node in walk(one.output))
        return tuple(dict.fromkeys(node.parameter for node in nodes if isinstance(node, PolicyNumber)))

    def policy_fen(self, as_of: dt.date, region: str) -> dict[str, int]:
        """The policy amounts in force, in fen."""
        return {
            name: round(policy_value(name, region, as_of).value * FEN_PER_YUAN) for name in self.parameters
        }

    def columns(self, feed: FeedPlan) -> tuple[str, ...]:
        """The stored columns that a pass over the feed reads."""
        used: dict[str, None] = {"occurred_on": None}
        for aggregate in feed.slots.values():
            for node in walk(aggregate):
                if isinstance(node, Column):
                    used[node.column] = None
                if isinstance(node, KnownColumn):
                    used |= {node.value.column: None, node.known.column: None}
        return tuple(used)


def may_be_absent(expr: Expr) -> bool:
    """Whether a row value can be absent."""
    return isinstance(expr, KnownColumn) or (isinstance(expr, Column) and expr.is_nullable)
