"""What the pages of managers, administrators and auditors read and write."""

from __future__ import annotations

from dataclasses import dataclass

from serving.access.account_desk import AccountDesk
from serving.board import Boards
from serving.champion import Champion
from serving.map_file import AreaMap
from serving.metrics.feed_ages import FeedAges
from serving.storage import AuditLog, RunHealthStore


@dataclass(frozen=True)
class Office:
    """Boards of areas and their map; accounts; the log of reads; releases; what is known of the feeds.

    `ages` is `None` where the service keeps no signals.
    """

    boards: Boards
    area_map: AreaMap
    accounts: AccountDesk
    audit: AuditLog
    champion: Champion
    run_health: RunHealthStore
    ages: FeedAges | None
