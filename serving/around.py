"""What is stored of the villages of a request, remembered for a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from serving.neighbourhood import without_neighbourhood
from serving.scorer import HouseholdRows
from serving.storage import UsualStore, VillageStore
from serving.storage.recent import Recent


class Around:
    """The villages' facts and what is usual in them."""

    def __init__(self, villages: VillageStore, usual: UsualStore, seconds: float) -> None:
        self.villages = Recent(villages.find, seconds)
        self.usual = Recent(usual.find, seconds)

    def knows(
        self,
        households: Sequence[HouseholdRows],
        as_of: dt.date,
        feeds: Collection[str],
        *,
        tells_usual: bool,
    ) -> bool:
        """Whether a model that uses these feeds can answer for them without asking the database.

        `tells_usual` says whether the answer has what is usual: what is not told is not looked up, and
        would never be known.
        """
        wanting = without_neighbourhood(households, as_of, feeds)
        if not self.villages.has((one.village_code for one in wanting), as_of):
            return False
        return not tells_usual or self.usual.has((one.village_code for one in households), as_of)
