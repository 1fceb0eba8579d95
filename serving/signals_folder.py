"""The folder of stored signals: what is known of single households, looked up by their keys.

Facts that a visit corrected, and another person approved, are laid over what the departments delivered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from features import CONTRACTS, Coverage
from features.engines.lookup import StoredHousehold, find_households
from features.errors import FeaturesError
from features.neighbourhood import FEED
from features.signals.buckets import Buckets
from serving.access import Scope
from serving.cases.correction import Approved, in_force, lay_over
from serving.errors import Problem
from serving.scorer import HouseholdRows
from serving.storage.corrections import CorrectionStore, concerning


class SignalsFolder:
    """The signals that intake wrote, and may put newer ones in place of at any time. Threads share it."""

    def __init__(self, directory: Path | None, corrections: CorrectionStore | None = None) -> None:
        self.directory = directory
        self.corrections = corrections
        self._read: tuple[str, Coverage] | None = None

    def find(
        self,
        household_ids: Iterable[str],
        as_of: dt.date,
        within: Scope,
        feeds: Iterable[str] = tuple(CONTRACTS),
        corrected_before: dt.datetime | None = None,
        corrected_on: dt.date | None = None,
    ) -> tuple[dict[str, HouseholdRows], Coverage]:
        """What is stored of the households that are registered on the date inside the area, and the coverage.

        Corrections count from the day of their approval; with `corrected_before`, those of up to a moment do,
        and with `corrected_on` those of up to that day, as though they had been known on the date.
        What is known of a village is not looked up here: the database has it, where the batch put it.
        Raises `Problem`: `signals_not_kept` (409) where the service has no such folder, `signals_failed`
        (503) where it cannot be read.
        """
        if self.directory is None:
            raise Problem("signals_not_kept")
        wanted, read = sorted(set(household_ids)), [one for one in feeds if one != FEED]
        try:
            try:
                found, coverage = self._find(self.directory, wanted, as_of, within, read)
            except FeaturesError:
                # Newer signals may have been put in place while these were read.
                found, coverage = self._find(self.directory, wanted, as_of, within, read)
        except FeaturesError:
            raise Problem("signals_failed") from None
        told = self.corrections.approved_of(found, corrected_before) if self.corrections and found else {}
        return {
            key: _corrected(
                HouseholdRows(key, one.village_code, one.rows), told.get(key, ()), as_of, read, corrected_on
            )
            for key, one in found.items()
        }, coverage

    def _find(
        self, directory: Path, wanted: list[str], as_of: dt.date, within: Scope, feeds: list[str]
    ) -> tuple[dict[str, StoredHousehold], Coverage]:
        stored = Buckets.open(directory)
        found: dict[str, StoredHousehold] = {}
        if within.prefix is not None:
            found = find_households(stored, wanted, as_of, prefix=within.prefix, feeds=feeds)
        if self._read is None or self._read[0] != stored.data:
            self._read = stored.data, stored.coverage.replacing(FEED, ())
        return found, self._read[1]


def _corrected(
    household: HouseholdRows,
    told: Sequence[Approved],
    as_of: dt.date,
    feeds: Sequence[str],
    corrected_on: dt.date | None,
) -> HouseholdRows:
    counting = [
        one
        for one in in_force(concerning(told, household.village_code), as_of, corrected_on)
        if one.correction.feed in feeds
    ]
    if not counting:
        return household
    rows = lay_over(household.rows, counting, as_of, corrected_on)
    return replace(household, rows=rows, corrections=tuple(counting))
