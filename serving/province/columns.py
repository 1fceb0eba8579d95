"""Assessments as columns: one row a household, reasons, hits and facts as lists of plain structs.

Words are not stored; `serving.province.stored` puts a row into words as the service does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features import CONTRACTS, Coverage, policy_version
from features.facts import days_of_latest
from scoring import Assessor, Bundle
from scoring.block import ACTIONS, Block, BlockAssessor, Hits
from scoring.certainty import LEVELS, Certainties
from scoring.families import NONE, Families, Ranked
from scoring.grades import GRADES
from scoring.outlook import Outlook
from scoring.themes import THEMES
from scoring.triggers import TRIGGER_FEATURES, TRIGGERS
from serving.province.feeds import STATES, FeedColumns, FeedFaults, feed_columns

FACT_FEEDS = tuple(CONTRACTS)
"""The feeds whose latest record is told."""

NOTHING_KNOWN: Final = "nothing_known"
"""What a row says in place of a score, as the service does."""


class ProvinceScorer:
    """From what is known of households to the rows that are written of them; both engines score with it."""

    def __init__(
        self, bundle: Bundle, as_of: dt.date, coverage: Coverage, faults: FeedFaults | None = None
    ) -> None:
        self.as_of = as_of
        self.region = bundle.manifest.region
        self._assessor = Assessor(bundle.model, self.region)
        self.features = self._assessor.features
        self.look_back = self._assessor.look_back
        self.coverage = coverage
        self._block = BlockAssessor(bundle.model, self.region, as_of)
        self.families = self._block.families
        self._faults = faults or FeedFaults(None)
        self._names = bundle.model.feature_names
        self._feature_version = bundle.manifest.feature_version

    def assess(self, known: pa.Table, coverage: Coverage | None = None) -> tuple[pa.Table, Block]:
        """The rows of n households, in the order given, and what those with a score are made of.

        A household of which every department is silent has the `problem` nothing_known in place of a score,
        and null where something would be made of one.

        `known` has household_id, village_code, the columns of `latest_facts_sql`, and one a feature, null
        where missing. `coverage` stands in for the scorer's own, which knows of no neighbourhood.
        """
        feeds = feed_columns(
            known["household_id"].combine_chunks(), known["village_code"].combine_chunks(), self.as_of,
            self.region, coverage or self.coverage, self.look_back, self._faults,
        )  # fmt: skip
        if not feeds.is_unheard.any():
            return self._scored(known, feeds)
        parts = [~feeds.is_unheard, feeds.is_unheard]
        heard, silent = ((known.filter(pa.array(one)), feeds.of(one)) for one in parts)
        rows, block = self._scored(*heard)
        unscored = pa.table(self._told(*silent, NOTHING_KNOWN))
        both = pa.concat_tables([rows, unscored], promote_options="default").unify_dictionaries()
        # Back into the order given.
        order = np.argsort(np.concatenate([np.flatnonzero(one) for one in parts]))
        return both.take(pa.array(order)), block

    def _told(self, known: pa.Table, feeds: FeedColumns, problem: str | None) -> dict[str, Any]:
        """The columns that a score has no part in."""
        rows = len(known)
        return {
            "household_id": known["household_id"].combine_chunks(),
            "village_code": known["village_code"].combine_chunks(),
            "as_of_date": pa.repeat(pa.scalar(self.as_of, pa.date32()), rows),
            "problem": _constant(problem, rows) if problem else pa.nulls(rows, _WORDS),
            **{f"{state}_feeds": feeds.states[state] for state in STATES},
            "feed_faults": feeds.faults,
            "latest_facts": _facts(known),
            "model_version": _constant(self._block.model.version, rows),
            "policy_version": _constant(policy_version(), rows),
            "feature_version": _constant(self._feature_version, rows),
        }

    def _scored(self, known: pa.Table, feeds: FeedColumns) -> tuple[pa.Table, Block]:
        columns = {
            name: known[name].to_numpy().astype(np.float64, copy=False)
            for name in dict.fromkeys((*self._names, *TRIGGER_FEATURES))
        }
        matrix = np.empty((len(known), len(self._names)))
        for at, name in enumerate(self._names):
            matrix[:, at] = columns[name]
        triggers = {name: columns[name] for name in TRIGGER_FEATURES}
        block = self._block.assess(matrix, triggers, feeds.is_watched)
        model = self._block.model
        rows = len(known)
        made = {
            **self._told(known, feeds, None),
            "score": pa.array(block.scores),
            "log_odds": pa.array(block.log_odds),
            "base_log_odds": pa.array(block.base),
            "listing_border": pa.repeat(model.borders.high, rows),
            **_certainty(block.certainties, rows),
            "grade": _words(block.grades, GRADES),
            "suggested_action": _words(block.actions, ACTIONS),
            "risk_reasons": _reasons(block.risk, self.families, matrix),
            "protective_reasons": _reasons(block.protective, self.families, matrix),
            "rule_hits": _hits(block.hits),
            "base_rate": pa.repeat(model.base_rate, rows),
            "horizon_months": pa.repeat(pa.scalar(model.horizon_months, pa.int16()), rows),
            "horizons": _horizons(block.outlook, rows),
            "themes": _themes(block.outlook, rows),
        }
        return pa.table(made), block


_WORDS = pa.dictionary(pa.int16(), pa.string())


def _certainty(told: Certainties | None, rows: int) -> dict[str, pa.Array]:
    """The word and the interval; null where the model tells none."""
    if told is None:
        return {
            "certainty": pa.nulls(rows, _WORDS),
            **{f"certainty_{one}": pa.nulls(rows, pa.float64()) for one in ("low", "high", "missing_share")},
        }
    return {
        "certainty": _words(told.levels, LEVELS),
        "certainty_low": pa.array(told.low),
        "certainty_high": pa.array(told.high),
        "certainty_missing_share": pa.array(told.missing_share),
    }


def _horizons(outlook: Outlook | None, rows: int) -> pa.Array:
    """list<struct<months, score>>, empty for a model without an outlook."""
    months = outlook.months if outlook else ()
    scores = outlook.horizons if outlook else np.zeros((rows, 0))
    made = pa.StructArray.from_arrays(
        [pa.array(np.tile(np.array(months, dtype=np.int16), rows)), pa.array(scores.ravel())],
        ["months", "score"],
    )
    return _lists(np.ones(scores.shape, dtype=np.bool_), made)


def _themes(outlook: Outlook | None, rows: int) -> pa.Array:
    """list<struct<theme, score>>, empty for a model without an outlook."""
    scores = outlook.by_theme if outlook else np.zeros((rows, 0))
    places = np.tile(np.arange(scores.shape[1]), rows)
    made = pa.StructArray.from_arrays([_words(places, THEMES), pa.array(scores.ravel())], ["theme", "score"])
    return _lists(np.ones(scores.shape, dtype=np.bool_), made)


def _reasons(ranked: Ranked, families: Families, matrix: Any) -> pa.Array:
    """list<struct<code, family, contribution, share, facts: list<struct<feature, value, contribution>>>>."""
    is_there = ranked.families != NONE
    rows = np.nonzero(is_there)[0]
    chosen = ranked.families[is_there]
    features = ranked.features[is_there]
    is_fact = features != NONE
    named = features[is_fact]
    values = matrix[np.repeat(rows, is_fact.sum(axis=1)), named]
    facts = pa.StructArray.from_arrays(
        [
            _words(named, families.feature_names),
            pa.array(values, from_pandas=True),
            pa.array(ranked.contributions[is_there][is_fact]),
        ],
        ["feature", "value", "contribution"],
    )
    reasons = pa.StructArray.from_arrays(
        [
            _words(chosen, families.codes),
            _words(chosen, families.names),
            pa.array(ranked.totals[is_there]),
            pa.array(ranked.shares[is_there], mask=ranked.shares[is_there] == 0),
            _lists(is_fact, facts),
        ],
        ["code", "family", "contribution", "share", "facts"],
    )
    return _lists(is_there, reasons)


def _hits(hits: Hits) -> pa.Array:
    """list<struct<code, cause, feature, value, level, is_assumption>>."""
    which = np.nonzero(hits.fired)[1]
    made = pa.StructArray.from_arrays(
        [
            _words(which, [one.code for one in TRIGGERS]),
            _words(which, [one.cause for one in TRIGGERS]),
            _words(which, [one.feature for one in TRIGGERS]),
            pa.array(hits.values[hits.fired]),
            pa.array(hits.levels[hits.fired]),
            pa.array(hits.is_assumption[which]),
        ],
        ["code", "cause", "feature", "value", "level", "is_assumption"],
    )
    return _lists(hits.fired, made)


def _facts(known: pa.Table) -> pa.Array:
    """list<struct<feed, records, occurred_on, known_on>>, in the order of the contracts."""
    feeds = [feed for feed in FACT_FEEDS if f"{feed}_records" in known.column_names]
    records, latest = (
        np.stack([_whole(known[f"{feed}_{name}"]) for feed in feeds], axis=1)
        for name in ("records", "latest")
    )
    is_there = records > 0
    occurred, arrived = days_of_latest(latest[is_there])
    made = pa.StructArray.from_arrays(
        [
            _words(np.nonzero(is_there)[1], feeds),
            pa.array(records[is_there].astype(np.int32)),
            pa.array(occurred.astype(np.int32)).view(pa.date32()),
            pa.array(arrived.astype(np.int32)).view(pa.date32()),
        ],
        ["feed", "records", "occurred_on", "known_on"],
    )
    return _lists(is_there, made)


def _whole(column: pa.ChunkedArray) -> Any:
    """Whole numbers, 0 where null."""
    return column.combine_chunks().fill_null(0).to_numpy(zero_copy_only=False)


def _lists(is_there: Any, items: pa.Array) -> pa.Array:
    """Items of n rows, as many for each as it has places that hold something."""
    offsets = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items)


def _words(places: Any, words: Sequence[str]) -> pa.Array:
    """Words by their places in a list, in which a word may occur more than once."""
    different = list(dict.fromkeys(words))
    renumbered = np.array([different.index(one) for one in words], dtype=np.int16)
    return pa.DictionaryArray.from_arrays(pa.array(renumbered[places]), pa.array(different, pa.string()))


def _constant(word: str, rows: int) -> pa.Array:
    return _words(np.zeros(rows, dtype=np.int16), [word])
