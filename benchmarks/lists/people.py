"""A made-up province of a million households: its areas, what was said of each household, and who signs in.

Villages of some 90 households, as Chongqing has them. An answer is whole where somebody is to look at the
household, and shortened where nobody is: a province of whole ones would take eleven gigabytes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from benchmarks.lists.writer import Writer
from benchmarks.service.households import make_households
from benchmarks.service.model import VERSION, make_model
from scoring import load_bundle
from scoring.grades import GRADES, Grade, GradeBorders
from serving.access import Role
from serving.api.score_request import RequestReader
from serving.scorer import Scorer
from serving.storage import Run
from serving.storage.area_counts import UNITS, AreaCounts, areas_of
from serving.storage.columns import document_text
from serving.storage.tables import account, area_summary, assessment, model_release

CITIES = {"5001": range(1, 27), "5002": range(28, 40)}
"""Cities of the province, and the numbers of their counties."""
TOWNS, VILLAGES = 27, 11
BORDERS = GradeBorders(high=0.1, medium=0.06)
_ACTIONS = {"high": "visit", "medium": "watch", "low": "routine"}
_TREES, _VARIANTS, _STEP = 20, 8, 8
_KEY, _SCORE = "@household@", -123.456
_SHORTENED = ("families", "risk_reasons", "protective_reasons")
_COLUMNS = (
    "household_id", "as_of_date", "model_version", "village_code", "score", "grade", "suggested_action",
    "body", "written_at",
)  # fmt: skip


@dataclass(frozen=True)
class Province:
    """Codes of villages in their order, and how many households each has; `today` is the day it is read."""

    villages: tuple[str, ...]
    per_village: int
    today: dt.date

    @classmethod
    def of(cls, households: int, today: dt.date) -> Province:
        """A province of about so many households."""
        villages = [
            f"{city}{county:02}{town:03}{village:03}"
            for city, counties in CITIES.items()
            for county in counties
            for town in range(TOWNS)
            for village in range(VILLAGES)
        ]
        return cls(tuple(villages), max(1, round(households / len(villages))), today)

    @property
    def run(self) -> Run:
        """The run that scored them, some weeks ago."""
        return Run(self.today - dt.timedelta(days=25), VERSION)

    @property
    def now(self) -> dt.datetime:
        """The noon of the day before."""
        return dt.datetime.combine(self.today, dt.time(), dt.UTC) - dt.timedelta(hours=12)

    @property
    def counties(self) -> tuple[str, ...]:
        """Their codes."""
        return tuple(dict.fromkeys(one[:6] for one in self.villages))

    def household(self, village: int, number: int) -> str:
        """The key of a household."""
        return f"H{village:05}-{number:03}"


class Statements:
    """What a small model says of some households, to be told of a million with other scores."""

    def __init__(self, folder: Path, as_of: dt.date) -> None:
        self.bundle_dir = folder
        bundle = load_bundle(folder) if folder.exists() else make_model(folder, _TREES)
        self.release = {
            "version": VERSION, "manifest_sha256": bundle.sha256,
            "horizon_months": bundle.manifest.horizon_months,
        }  # fmt: skip
        scorer = Scorer(bundle)
        said = []
        for body in make_households()[::_STEP]:
            asked = RequestReader(scorer, 1).read(json.loads(body))
            said += scorer.statements(asked.households, asked.as_of, asked.coverage)
        self.bodies = {grade: [_body(one, grade, as_of) for one in said[:_VARIANTS]] for grade in GRADES}
        self._texts = {
            grade: [document_text(one).replace(str(_SCORE), "%r").split(_KEY) for one in bodies]
            for grade, bodies in self.bodies.items()
        }

    def text(self, grade: Grade, variant: int, household_id: str, score: float) -> str:
        """One of them as it is stored."""
        before, after = self._texts[grade][variant]
        return f"{before}{household_id}{after.replace('%r', repr(score), 1)}"


def _body(said: dict[str, Any], grade: str, as_of: dt.date) -> dict[str, Any]:
    made = {
        **said, "household_id": _KEY, "as_of_date": as_of.isoformat(), "score": _SCORE, "grade": grade,
        "suggested_action": _ACTIONS[grade],
    }  # fmt: skip
    if grade != "high":
        made["rule_hits"] = []
    if grade == "low":
        made |= {name: said[name][:1] for name in _SHORTENED} | {"latest_facts": {}, "not_listed": None}
    return made


def fill_people(engine: Engine, province: Province, statements: Statements) -> int:
    """Assessments, their counts by area, and an account for every village; how many households there are."""
    with engine.begin() as connection:
        connection.execute(model_release.insert().values(first_used_at=province.now, **statements.release))
        # Made again at once: one sorting instead of a million searches.
        for index in assessment.indexes:
            index.drop(connection)
    areas: dict[str, AreaCounts] = {}
    with Writer(engine) as writer:
        count = writer.write(assessment, _COLUMNS, _assessments(province, statements, areas))
        run = province.run
        writer.write_mappings(area_summary, [
            {
                "area_code": area, "as_of_date": run.as_of_date, "model_version": run.model_version,
                "counts": one.as_json(), "revision": 1,
            }
            for area, one in areas.items()
        ])  # fmt: skip
        writer.write_mappings(account, list(_accounts(province)))
    with engine.begin() as connection:
        for index in assessment.indexes:
            index.create(connection)
    return count


def _assessments(
    province: Province, statements: Statements, areas: dict[str, AreaCounts]
) -> Iterator[tuple[Any, ...]]:
    rng = np.random.default_rng(1)
    run, stamp = province.run, province.now
    counted = {
        grade: [AreaCounts.of({**one, "score": 0.0}) for one in bodies]
        for grade, bodies in statements.bodies.items()
    }
    for at, village in enumerate(province.villages):
        scores = rng.beta(1, 40, province.per_village)
        variants = rng.integers(_VARIANTS, size=province.per_village)
        own, kinds = AreaCounts(), Counter[tuple[Grade, int]]()
        for n, (score, variant) in enumerate(zip(scores.tolist(), variants.tolist(), strict=True)):
            grade, household = BORDERS.grade(score), province.household(at, n)
            kinds[grade, variant] += 1
            own.score_units += round(score * UNITS)
            own.variance_units += round(score * (1 - score) * UNITS)
            yield (
                household, run.as_of_date, run.model_version, village, score, grade, _ACTIONS[grade],
                statements.text(grade, variant, household, score), stamp,
            )  # fmt: skip
        for (grade, variant), times in kinds.items():
            own.add(counted[grade][variant], times)
        for area in areas_of(village):
            areas.setdefault(area, AreaCounts()).add(own)


def _accounts(province: Province) -> Iterator[dict[str, Any]]:
    """One of every village, township and county; nobody can sign in with them."""
    areas = dict.fromkeys(one[:length] for length in (6, 9, 12) for one in province.villages)
    roles = {6: Role.COUNTY_OFFICIAL, 9: Role.TOWNSHIP_OFFICIAL, 12: Role.VILLAGE_OFFICIAL}
    for at, area in enumerate(areas):
        yield {
            "id": f"p{at:011x}", "login_name": f"w{at:06}", "password_hash": "none",
            "password_set_at": province.now, "is_start_password": 0, "role": roles[len(area)].value,
            "area_code": area, "state": "active", "created_at": province.now,
            "expires_at": province.now + dt.timedelta(days=300), "failures": 0, "second_factor_step": 0,
        }  # fmt: skip
