"""The folder of stored signals: what is known of single households, looked up by their keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from features import CONTRACTS, Coverage
from features.engines.lookup import StoredHousehold, find_households
from features.errors import FeaturesError
from features.neighbourhood import FEED
from features.signals.buckets import Buckets
from serving.access import Scope
from serving.errors import Problem
from serving.scorer import HouseholdRows


class SignalsFolder:
    """The signals that intake wrote, and may put newer ones in place of at any time. Threads share it."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._read: tuple[str, Coverage] | None = None

    def find(
        self,
        household_ids: Iterable[str],
        as_of: dt.date,
        within: Scope,
        feeds: Iterable[str] = tuple(CONTRACTS),
    ) -> tuple[dict[str, HouseholdRows], Coverage]:
        """What is stored of the households that are registered on the date inside the area, and the coverage.

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
        return {key: HouseholdRows(key, one.village_code, one.rows) for key, one in found.items()}, coverage

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
