"""What is stored of the villages of a request, remembered for a moment."""

from __future__ import annotations

from serving.api.score_request import ScoreRequest
from serving.storage import UsualStore, VillageStore
from serving.storage.recent import Recent


class Around:
    """The villages' facts and what is usual in them."""

    def __init__(self, villages: VillageStore, usual: UsualStore, seconds: float) -> None:
        self.villages = Recent(villages.find, seconds)
        self.usual = Recent(usual.find, seconds)

    def knows(self, request: ScoreRequest) -> bool:
        """Whether a request can be answered without asking the database."""
        codes = {one.village_code for one in request.households}
        return self.villages.has(codes, request.as_of) and self.usual.has(codes, request.as_of)
