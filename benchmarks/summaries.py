"""Area summaries of a province beside counting its stored rows.

    python -m benchmarks.summaries [--households 1000000] [--json]

Villages of some 90 households, as Chongqing has them. The rows are stored without their answers, so that the
comparison is with the least that counting could read.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import func, select

from features import CONTRACTS
from scoring.grades import GRADES
from scoring.themes import THEMES
from scoring.triggers import TRIGGERS
from serving.access import Caller, Role, Scope
from serving.disclosure import Disclosure
from serving.storage import Run, SummaryStore, open_database
from serving.storage.area_counts import UNITS, AreaCounts, areas_of
from serving.storage.tables import area_summary, assessment, model_release

RUN = Run(dt.date(2026, 10, 31), "m")
PER_VILLAGE = 90
COUNTIES, TOWNS = 38, 27
PROVINCE = Caller("benchmark", Role.PLATFORM, Scope("50"))


def main(
    households: Annotated[int, typer.Option(help="How many are stored", min=1_000)] = 1_000_000,
    repeats: Annotated[int, typer.Option(help="Readings of each; the median counts", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Area summaries of a province beside counting its stored rows.

    Measure, in milliseconds, and as a ratio to counting the rows of the province.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = measure(Path(folder), households, repeats)
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:32} {value:>12,.2f}")


def measure(folder: Path, households: int, repeats: int) -> dict[str, float]:
    """Fill a database and time reading it."""
    engine = open_database(f"sqlite:///{folder}/s.db")
    villages = [
        f"50{1 + number // (TOWNS * 11) % COUNTIES:04}{number // 11 % TOWNS:03}{number % 11:03}"
        for number in range(max(1, households // PER_VILLAGE))
    ]
    villages = list(dict.fromkeys(villages))
    _fill(engine, villages)
    summaries = SummaryStore(engine)

    def of_rows() -> None:
        query = (
            select(assessment.c.grade, func.count(), func.sum(assessment.c.score))
            .where(
                assessment.c.as_of_date == RUN.as_of_date,
                assessment.c.model_version == RUN.model_version,
                Scope("50").condition(assessment.c.village_code),
            )
            .group_by(assessment.c.grade)
        )
        with engine.connect() as connection:
            connection.execute(query).all()

    warm = Disclosure(summaries)
    warm.withheld(RUN)
    times = {
        "own_ms": lambda: summaries.find(PROVINCE, "50"),
        "others_ms": lambda: (summaries.find(PROVINCE, "50"), warm.withheld(RUN)),
        "others_after_change_ms": lambda: Disclosure(summaries).withheld(RUN),
        "counting_rows_ms": of_rows,
    }
    told = {name: _median(asked, repeats) for name, asked in times.items()}
    engine.dispose()
    return {
        "households": float(len(villages) * PER_VILLAGE),
        "areas": float(len({area for one in villages for area in areas_of(one)})),
        **told,
        "counting_to_own_ratio": told["counting_rows_ms"] / told["own_ms"],
    }


def _median(asked: Callable[[], Any], repeats: int) -> float:
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        asked()
        spent.append((time.perf_counter() - started) * 1_000)
    return statistics.median(spent)


def _fill(engine: Any, villages: list[str]) -> None:
    rng = np.random.default_rng(1)
    areas: dict[str, AreaCounts] = {}
    now = dt.datetime.now(dt.UTC)
    feeds = list(CONTRACTS)[:6]
    with engine.begin() as connection:
        connection.execute(
            model_release.insert().values(
                version="m", manifest_sha256="0" * 64, horizon_months=12, first_used_at=now
            )
        )
        for at, village in enumerate(villages):
            grades = rng.multinomial(PER_VILLAGE, [0.02, 0.08, 0.9])
            own = AreaCounts(
                PER_VILLAGE,
                Counter(dict(zip(GRADES, map(int, grades), strict=True))),
                Counter(dict(zip(THEMES, map(int, rng.multinomial(PER_VILLAGE, [0.2] * 5)), strict=True))),
                Counter({one.code: int(rng.poisson(1.5)) for one in TRIGGERS}),
                Counter({one: PER_VILLAGE for one in feeds if rng.random() < 0.1}),
                Counter({one: PER_VILLAGE for one in feeds if rng.random() < 0.02}),
                PER_VILLAGE * UNITS // 20,
                PER_VILLAGE * UNITS // 25,
            )
            for area in areas_of(village):
                areas.setdefault(area, AreaCounts()).add(own)
            words = np.repeat(GRADES, grades).tolist()
            connection.execute(
                assessment.insert(),
                [
                    {
                        "household_id": f"H{at}-{n}", "as_of_date": RUN.as_of_date, "model_version": "m",
                        "village_code": village, "score": 0.05, "grade": grade, "suggested_action": "watch",
                        "body": {}, "written_at": now,
                    }
                    for n, grade in enumerate(words)
                ],
            )  # fmt: skip
        connection.execute(
            area_summary.insert(),
            [
                {
                    "area_code": area, "as_of_date": RUN.as_of_date, "model_version": "m",
                    "counts": one.as_json(), "revision": 1,
                }
                for area, one in areas.items()
            ],
        )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
