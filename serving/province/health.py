"""The state of a province's deliveries: judged once, county by county, and kept beside what is scored."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from features import Coverage
from features.health import Health, Verdict, without_blocked
from features.health.counties import Counties
from features.signals.buckets import Buckets, replace_file

FILE = "health.json"

Progress = Callable[[str, int, int], None]


def judged(directory: Path) -> str:
    """What names the refused rows that are judged with the accepted ones."""
    digest = hashlib.sha256()
    for path in sorted((directory / "quarantine").glob("*.csv")):
        digest.update(f"{path.name}\0".encode())
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]


def read_or_judge(stored: Buckets, as_of: dt.date, out: Path, tell: Progress) -> Health:
    """The verdicts that an earlier start of the run left in its folder, or those of a check-up."""
    path = out / FILE
    if path.is_file():
        return _from_json(json.loads(path.read_bytes()))
    health = Counties(stored).check_health(
        as_of, lambda county, done, total: tell(f"health {county}", done, total)
    )
    replace_file(path, json.dumps(_as_json(health), ensure_ascii=False).encode())
    return health


def believed(stored: Buckets, health: Health | None, region: str) -> Coverage:
    """The stored coverage, without that of feeds that were blocked."""
    if health is None or not health.blocked:
        return stored.coverage
    return without_blocked(stored.coverage, Counties(stored).codes, health, region)


def _as_json(health: Health) -> dict[str, Any]:
    return {
        "as_of": str(health.as_of),
        "never_delivered": health.never_delivered,
        "verdicts": [{**vars(one), "period": str(one.period)} for one in health.verdicts],
    }


def _from_json(said: dict[str, Any]) -> Health:
    verdicts = tuple(
        Verdict(**{
            **one,
            "period": dt.date.fromisoformat(one["period"]),
            "oddities": tuple(one["oddities"]),
            "households": tuple(one["households"]),
        })
        for one in said["verdicts"]
    )
    return Health(dt.date.fromisoformat(said["as_of"]), verdicts, tuple(said["never_delivered"]))
