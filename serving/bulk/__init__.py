"""Bulk scoring: signals of many households in files, checked by intake, scored by the batch's scorer."""

from serving.bulk.folders import JobFolder, JobFolders
from serving.bulk.order import FEEDS, PURPOSE, Mode, Order, ResultKind, RowPolicy, SentFile

__all__ = [
    "FEEDS",
    "PURPOSE",
    "JobFolder",
    "JobFolders",
    "Mode",
    "Order",
    "ResultKind",
    "RowPolicy",
    "SentFile",
]
