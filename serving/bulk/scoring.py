"""The job that scores: files into plain tables, tables through intake, households through the batch's scorer.

What it stores, it stores in transactions that its lease guards. Row by row, a thousand households at a time
are stored with the checkpoint that says so; atomically, all of them are in the transaction that ends the job.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from features import FeaturesError, RowEngine
from features.connection import spilling_within
from features.engines.duckdb import registered_villages
from features.errors import ContractError, CoverageError
from features.neighbourhood import FEED, facts_there, neighbourhood_rows
from features.signals.delivery import TakenIn, judge_delivery
from features.signals.store import Signals
from scoring import Assessor, Bundle, ScoringError
from scoring.grades import GRADES
from scoring.statement import grade_word
from serving.access import Scope
from serving.batch import CHUNK, LONGEST_SILENCE_DAYS, Scored, Scoring
from serving.bulk.folders import JobFolder, JobFolders, write_safely
from serving.bulk.order import COVERAGE, TABLES, Mode, Order, RowPolicy
from serving.bulk.refused import save_refused
from serving.bulk.results import Origin, flat_row, join_parts, save_part
from serving.bulk.tables import coverage_in, table_in
from serving.cases.clocks import china_day
from serving.errors import ServingError
from serving.files import FileRefused, Limits, unpack
from serving.jobs.job import refusal
from serving.jobs.lease import Lease
from serving.scorer import earliest_as_of
from serving.storage import FROM_FILES, AssessmentStore, Saved, UsualStore, VillageStore
from serving.storage.columns import document_text
from serving.storage.standing import StandingStore

SILENT = ("missing_feeds", "stale_feeds")
MOST_ATOMIC = 10_000
"""Households that one transaction may store: some 100 MB of answers, for which every other writer waits."""


@dataclass(frozen=True)
class Model:
    """The bundle with what is made of it once."""

    bundle: Bundle
    assessor: Assessor
    first_day: dt.date
    first_day_of: str

    @classmethod
    def of(cls, bundle: Bundle) -> Model:
        """What a job needs of a bundle."""
        region = bundle.manifest.region
        assessor = Assessor(bundle.model, region)
        return cls(bundle, assessor, *earliest_as_of(RowEngine(assessor.features, region), region))


@dataclass(frozen=True)
class Checked:
    """A delivery after its check: the signals, what became of the rows, and what is told of it."""

    taken: TakenIn
    villages: dict[str, str]
    counts: dict[str, Any]

    @property
    def refused(self) -> int:
        """How many rows are not scored."""
        return int(self.counts["counts"]["rows_refused"])


class ScoreJobs:
    """Does the jobs of the purpose ``score``. `load` gives the bundle in service; each job asks for it."""

    def __init__(
        self,
        store: AssessmentStore,
        folders: JobFolders,
        load: Callable[[], Bundle],
        limits: Limits | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self.store = store
        self.folders = folders
        self.limits = limits or Limits()
        self.chunk = chunk
        self._load = load
        self._model: Model | None = None

    def __call__(self, lease: Lease) -> None:
        """Do the job of the lease. Raises `JobEnded` where it is refused."""
        order = Order.from_json(lease.job.spec)
        folder = self.folders.of(lease.job.id)
        # What queries cannot hold in memory is as personal as what was sent, and goes where that goes.
        with spilling_within(folder.work):
            self._do(lease, order, folder)

    def _do(self, lease: Lease, order: Order, folder: JobFolder) -> None:
        lease.tell("model", 0, 0)
        model = self.model()
        if order.as_of > china_day(lease.job.created_at):
            raise refusal(
                "in_the_future",
                "as_of_date is later than the day on which the job was sent.",
                "Give that day in China at the latest: nothing is known on a day to come.",
            )
        if order.as_of < model.first_day:
            raise refusal(
                "before_policy",
                f"The policy number {model.first_day_of} has no value on as_of_date.",
                f"Give an as_of_date from {model.first_day} on.",
            )
        checked = self._check(lease, order, folder, model)
        if checked.refused and order.rows is RowPolicy.ATOMIC:
            raise refusal(
                "rows_refused",
                f"{checked.refused} rows were refused, and the job was to take all rows or none.",
                "Mend the rows that /errors lists, or send the job with rows=per_row.",
                **checked.counts,
            )
        if not checked.villages:
            raise refusal(
                "nobody_registered",
                "No household is registered on as_of_date.",
                "Check as_of_date and the dates of the household register.",
                **checked.counts,
            )
        if order.mode is Mode.DRY_RUN:
            with lease.end(checked.counts):
                pass
            return
        self._score(lease, order, folder, model, checked)

    def model(self) -> Model:
        """The model; raises `JobEnded` where it cannot be loaded."""
        try:
            bundle = self._load()
            if self._model is None or self._model.bundle is not bundle:
                self._model = Model.of(bundle)
        except (ScoringError, FeaturesError, ServingError):
            raise refusal(
                "model_failed",
                "The model could not be loaded.",
                "The operator must put a sound bundle into service: `python -m serving models`.",
            ) from None
        return self._model

    def _check(self, lease: Lease, order: Order, folder: JobFolder, model: Model) -> Checked:
        tables = self._unpack(lease, order, folder)
        within = Scope(lease.job.area_code)
        region = model.bundle.manifest.region
        if COVERAGE not in tables:
            raise refusal(
                "coverage_missing",
                "No table says which feeds are complete for which areas and periods.",
                "Send the part coverage: without it no rows would read as nothing happened.",
            )
        try:
            # What is not part of the delivery is not covered by it either.
            taken = judge_delivery(
                {name: table_in(path) for name, path in tables.items() if name != COVERAGE},
                coverage_in(tables[COVERAGE]),
                region=region,
                on=china_day(lease.job.created_at),
                progress=lambda feed, done, total: lease.tell("rows", done, total),
                # Who sent them has them: nothing is mended here.
                keeps_cells=False,
            )
        except FileRefused as refused:
            raise refusal(refused.code, refused.detail, refused.way_out, part=COVERAGE) from None
        except (ContractError, CoverageError) as error:
            raise refusal(
                "delivery_refused",
                f"The delivery cannot be read: {error}.",
                "Mend the table that is named and send the job again.",
            ) from None
        last = max((one.known_on for one in taken.signals.coverage.deliveries), default=None)
        if last is None or order.as_of > last + dt.timedelta(days=LONGEST_SILENCE_DAYS):
            raise refusal(
                "after_coverage",
                "as_of_date lies over a year after the last statement of coverage, or nothing is covered.",
                "Check as_of_date and the coverage; a feed of which most rows are refused is not covered.",
            )
        villages = {
            str(household): str(village)
            for household, village in registered_villages(
                taken.signals.tables["household"], order.as_of
            ).items()
        }
        outside = {household for household, village in villages.items() if not within.contains(village)}
        if outside:
            villages = {key: village for key, village in villages.items() if key not in outside}
            taken = replace(taken, signals=_without(taken.signals, outside))
        by_feed, errors = save_refused(folder.errors, taken.intakes, villages, outside)
        totals = {
            name: sum(one[name] for one in by_feed.values())
            for name in ("rows_in", "rows_accepted", "rows_refused", "rows_flagged")
        }
        counts = {**totals, "households": len(villages), "errors": errors}
        told = {"counts": counts, "feeds": by_feed, "silent_feeds": list(taken.silent)}
        return Checked(taken, villages, told)

    def _unpack(self, lease: Lease, order: Order, folder: JobFolder) -> dict[str, Path]:
        work = folder.clear_work()
        tables: dict[str, Path] = {}
        for number, sent in enumerate(order.files):
            lease.tell("files", number, len(order.files))
            try:
                made = unpack(folder.uploads / sent.file, sent.part, work, self.limits, list(TABLES))
            except FileRefused as refused:
                raise refusal(refused.code, refused.detail, refused.way_out, part=sent.part) from None
            if doubled := tables.keys() & made.keys():
                raise refusal(
                    "feed_twice",
                    f"The feed {min(doubled)} was sent twice.",
                    "Send each feed once, as a part or in the archive.",
                )
            tables |= made
        return tables

    def _score(self, lease: Lease, order: Order, folder: JobFolder, model: Model, checked: Checked) -> None:
        is_atomic = order.rows is RowPolicy.ATOMIC
        if is_atomic and len(checked.villages) > MOST_ATOMIC:
            raise refusal(
                "too_many_for_atomic",
                f"More than {MOST_ATOMIC} households cannot be stored at once.",
                "Send fewer households, or the job with rows=per_row.",
                **checked.counts,
            )
        within = Scope(lease.job.area_code)
        lease.tell("vectors", 0, len(checked.villages))
        signals = self._with_neighbourhood(checked, order, model)
        run = Scoring(signals, order.as_of, model.assessor)
        standing = StandingStore(self.store.engine)
        around = UsualStore(self.store.engine).find(checked.villages.values(), order.as_of)
        start = {"model": model.bundle.sha256, "chunks": 0, "saved": Saved().counts}
        point = lease.job.checkpoint
        # Another model, or parts that are on another disk: what was stored stays, and is stored again.
        if point.get("model") != model.bundle.sha256 or not _has_parts(folder, point.get("chunks", 0)):
            point = start
            shutil.rmtree(folder.parts, ignore_errors=True)
            folder.parts.mkdir(mode=0o700)
        places = range(0, len(run.ids), self.chunk)
        saved = Saved(**point["saved"])
        for number in range(point["chunks"], len(places)):
            lease.tell("scores", places[number], len(run.ids))
            made = run.score(places[number], places[number] + self.chunk, around)
            # Of the sender's own area alone: what stands elsewhere is not told.
            stood = standing.stand_on(made.statements, made.village_codes, order.as_of, within, run.unheard)
            said = [{**one, FROM_FILES: True} for one in stood]
            made = run.unscored(replace(made, statements=said)).heard
            save_part(_rows(made), _part(folder, number))
            if is_atomic:
                _stage(made, _staged(folder, number))
                continue
            done = {"model": model.bundle.sha256, "chunks": number + 1}
            with lease.step(done) as connection:
                self._save_release(connection, model)
                saved += self.store.save_in(connection, made.statements, made.village_codes, within)
                done["saved"] = saved.counts
        lease.tell("result", len(run.ids), len(run.ids))
        parts = [_part(folder, number) for number in range(len(places))]
        origin = Origin(*_sender(lease), dt.datetime.now(dt.UTC), order.result_purpose)
        join_parts(parts, folder.result(order.result), order.result, origin)
        outcome = {
            **checked.counts,
            "model_version": model.bundle.manifest.version,
            **_grades(parts, len(run.ids)),
            "result_bytes": folder.result(order.result).stat().st_size,
        }
        with lease.end(outcome) as connection:
            if is_atomic:
                self._save_release(connection, model)
                for number in range(len(places)):
                    statements, codes = json.loads(_staged(folder, number).read_bytes())
                    saved += self.store.save_in(connection, statements, codes, within)
            outcome["stored"] = saved.counts

    def _with_neighbourhood(self, checked: Checked, order: Order, model: Model) -> Signals:
        """The signals with what the last batch knows of the villages, of which these may be a part."""
        signals = checked.taken.signals
        if FEED not in model.assessor.look_back:
            return signals
        homes = registered_villages(signals.tables["household"], order.as_of)
        found = VillageStore(self.store.engine).find(checked.villages.values(), order.as_of)
        facts = facts_there(found.values(), homes)
        coverage = signals.coverage.replacing(FEED, [one.delivery for one in facts])
        return Signals({**signals.tables, FEED: neighbourhood_rows(homes, facts)}, coverage)

    def _save_release(self, connection: Connection, model: Model) -> None:
        manifest = model.bundle.manifest
        self.store.save_release_in(connection, manifest.version, model.bundle.sha256, manifest.horizon_months)


def _without(signals: Signals, outside: set[str]) -> Signals:
    """The signals with nobody of these registered."""
    register = signals.tables["household"]
    is_outside = pc.is_in(register["household_id"], value_set=pa.array(sorted(outside), pa.string()))
    return Signals({**signals.tables, "household": register.filter(pc.invert(is_outside))}, signals.coverage)


def _sender(lease: Lease) -> tuple[str, str]:
    """Key and role of whoever sent the job; jobs from before that was kept do not say."""
    sent_by = lease.job.spec.get("sent_by", {})
    return sent_by.get("key_id", "–"), sent_by.get("role", "–")


def _part(folder: JobFolder, number: int) -> Path:
    return folder.parts / f"{number:06}.parquet"


def _staged(folder: JobFolder, number: int) -> Path:
    return folder.parts / f"{number:06}.json"


def _has_parts(folder: JobFolder, chunks: int) -> bool:
    return folder.parts.is_dir() and all(_part(folder, number).is_file() for number in range(chunks))


def _rows(made: Scored) -> list[dict[str, Any]]:
    return [flat_row(one, village) for one, village in zip(made.statements, made.village_codes, strict=True)]


def _stage(made: Scored, path: Path) -> None:
    content = document_text([made.statements, made.village_codes]).encode()
    write_safely(path, lambda beside: beside.write_bytes(content))


def _grades(parts: list[Path], households: int) -> dict[str, Any]:
    """Households by grade, those low ones that are no low risk, and those without a score."""
    grades, words = Counter[str](), Counter[str]()
    for part in parts:
        for one in pq.read_table(part, columns=["grade", *SILENT], partitioning=None).to_pylist():
            grades[one["grade"]] += 1
            words[grade_word({**one, **{name: one[name].split(";") for name in SILENT if one[name]}})] += 1
    return {
        "grades": {grade: grades[grade] for grade in GRADES},
        "low_with_gaps": words["low_with_gaps"],
        "nothing_known": households - grades.total(),
    }
