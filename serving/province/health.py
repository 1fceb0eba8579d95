"""The state of a province's deliveries: judged once, county by county, and kept beside what is scored."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from features import Coverage
from features.health import Health, Verdict, without_blocked
from features.health.counties import Counties
from features.signals.buckets import Buckets, replace_file

FILE, PARTS = "health.json", "health"

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
    """The verdicts that an earlier start of the run left in its folder, or those of a check-up.

    Each county's are kept as soon as they are there: a run that is killed meanwhile goes on with the others.
    """
    path, parts = out / FILE, out / PARTS
    if not path.is_file():
        parts.mkdir(exist_ok=True)

        def keep(county: str, verdicts: Sequence[Verdict]) -> None:
            said = [_plain(one) for one in verdicts]
            replace_file(parts / f"{county}.json", json.dumps(said, ensure_ascii=False).encode())

        known = {one.stem: _verdicts(json.loads(one.read_bytes())) for one in parts.glob("*.json")}
        health = Counties(stored).check_health(
            as_of, lambda county, done, total: tell(f"health {county}", done, total), known=known, keep=keep
        )
        replace_file(path, json.dumps(_as_json(health), ensure_ascii=False).encode())
    health = _from_json(json.loads(path.read_bytes()))
    shutil.rmtree(parts, ignore_errors=True)
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
        "verdicts": [_plain(one) for one in health.verdicts],
    }


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {**vars(verdict), "period": str(verdict.period)}


def _from_json(said: dict[str, Any]) -> Health:
    as_of = dt.date.fromisoformat(said["as_of"])
    return Health(as_of, _verdicts(said["verdicts"]), tuple(said["never_delivered"]))


def _verdicts(said: Iterable[dict[str, Any]]) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(**{
            **one,
            "period": dt.date.fromisoformat(one["period"]),
            "oddities": tuple(one["oddities"]),
            "households": tuple(one["households"]),
        })
        for one in said
    )
