"""Checks: rules that hold a record against other records, against policy and against the date.

Source: DOMAIN §3, public audit rules of such systems, where no other is given.
"""

from features.signals.checks.check import Check
from features.signals.checks.judge import CHECKS, Judged, judge

__all__ = ["CHECKS", "Check", "Judged", "judge"]
