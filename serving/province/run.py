"""The run: every registered household of a province scored on a date, bucket by bucket in bounded memory."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from features import Coverage, policy_version
from features.engines.buckets import Batch, BucketVectors
from features.engines.duckdb import Limits
from features.engines.run_folder import RunFolder
from features.health import Health
from features.neighbourhood import FEED, VillageFacts
from features.signals.buckets import Buckets, replace_file
from scoring import Bundle
from serving.errors import ServingError
from serving.province.columns import FACT_FEEDS, ProvinceScorer
from serving.province.feeds import FeedFaults
from serving.province.folder import MANIFEST, SUMMARY, Finished, ProvinceFolder, texts
from serving.province.health import believed, judged, read_or_judge
from serving.province.summary import Counts, add_up, count_towns

QUERY_MEMORY_MB = 320
"""What the query of vectors may hold; with less it writes to disk."""

LONGEST_SILENCE_DAYS = 366
"""A mistyped year would otherwise make a run of which nothing is known."""

Progress = Callable[[str, int, int], None]
"""Called with the step, how much of it is done and how much there is in all."""


@dataclass(frozen=True)
class ProvinceRun:
    """What a finished run wrote. `resumed` buckets of `buckets` were there from an earlier run.

    `stages` are seconds by stage, of this run alone; stages that run beside each other add up to more
    than the run took.
    """

    out: Path
    households: int
    buckets: int
    resumed: int
    summary: dict[str, Any]
    stages: dict[str, float]


def score_province(
    directory: Path,
    as_of: dt.date,
    bundle: Bundle,
    out: Path,
    *,
    health: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ProvinceRun:
    """Score every household that is registered on the date and write what is said of it.

    `directory` holds stored signals as intake writes them; `out` is empty, absent, or holds a part of the
    same run, which is then continued. With `health` the deliveries are judged first, county by county, and
    nothing is scored from a blocked feed. Of whom every department is silent is written without a score.

    Raises `RunError` when `out` holds another run or one is writing to it, `ContractError` when the signals
    cannot be read, `PolicyError` for a date before the policy numbers begin and `ServingError` for one long
    after the last delivery.
    """
    stored = Buckets.open(directory)
    check_date(stored.coverage, as_of)
    tell = progress or (lambda step, done, total: None)
    watch = Stages()
    run = RunFolder(out, MANIFEST)
    about = about_run("duckdb", stored, as_of, bundle, health=health)
    with run.writing(about):
        with watch.stage("health"):
            verdicts = read_or_judge(stored, as_of, out, tell) if health else None
        finished, resumed = _write_buckets(stored, as_of, bundle, out, verdicts, tell, watch, threads)
        summary = summarise(about, finished, verdicts)
        replace_file(out / SUMMARY, json.dumps(summary, ensure_ascii=False, indent=1).encode())
        households = int(summary["province"]["households"])
        run.finish(about, {"households": households})
    return ProvinceRun(out, households, len(finished), resumed, summary, watch.seconds)


def check_date(coverage: Coverage, as_of: dt.date) -> None:
    """Raise `ServingError` for a date of which the deliveries say nothing."""
    last = max((one.known_on for one in coverage.deliveries), default=None)
    if last is None or as_of > last + dt.timedelta(days=LONGEST_SILENCE_DAYS):
        raise ServingError(
            f"--as-of {as_of} lies more than a year after the last delivery"
            f"{f' ({last})' if last else ''}: nothing is known of that day, and nothing was scored"
        )


def about_run(
    engine: str, stored: Buckets, as_of: dt.date, bundle: Bundle, *, health: bool
) -> dict[str, Any]:
    """What a run is about, for its manifest: two runs that say the same write the same files."""
    return {
        "layout": 2,
        "engine": engine,
        "signals": stored.data,
        "as_of_date": str(as_of),
        "region": bundle.manifest.region,
        "model_version": bundle.manifest.version,
        "model_sha256": bundle.sha256,
        "feature_version": bundle.manifest.feature_version,
        "policy_version": policy_version(),
        "health": judged(stored.directory) if health else None,
    }


def summarise(
    about: dict[str, Any], finished: dict[str, Finished], verdicts: Health | None
) -> dict[str, Any]:
    """The summary of finished buckets: counts, and which feeds were blocked where."""
    towns: dict[str, Counts] = {}
    for one in finished.values():
        for town, counts in one.towns.items():
            towns.setdefault(town, Counts()).add(counts)
    said = ("as_of_date", "model_version", "feature_version", "policy_version")
    blocked: dict[str, set[str]] = {}
    for verdict in verdicts.blocked if verdicts else ():
        blocked.setdefault(verdict.area, set()).add(verdict.feed)
    return {
        **{name: about[name] for name in said},
        "blocked_feeds": {county: sorted(feeds) for county, feeds in sorted(blocked.items())},
        **add_up(towns),
    }


class Stages:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._spent: Counter[str] = Counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside for a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += time.perf_counter() - started  # type: ignore[assignment]

    @property
    def seconds(self) -> dict[str, float]:
        """Rounded seconds by stage."""
        return {name: round(spent, 2) for name, spent in self._spent.items()}


def _write_buckets(
    stored: Buckets,
    as_of: dt.date,
    bundle: Bundle,
    out: Path,
    verdicts: Health | None,
    tell: Progress,
    watch: Stages,
    threads: int | None,
) -> tuple[dict[str, Finished], int]:
    folder = ProvinceFolder(out)
    coverage = believed(stored, verdicts, bundle.manifest.region)
    scorer = ProvinceScorer(bundle, as_of, coverage, FeedFaults(verdicts))
    also = [feed for feed in FACT_FEEDS if feed != FEED]
    limits = Limits(threads, QUERY_MEMORY_MB, out / ".spilled")
    asking = BucketVectors(
        stored, scorer.features, region=scorer.region, limits=limits, coverage=coverage, also=also
    )
    with asking as vectors, ThreadPoolExecutor(1) as beside:
        names = [one.buckets[0] for one in vectors.batches]
        finished = {name: done for name in names if (done := folder.find(name))}
        resumed = len(finished)
        todo = [one for one in vectors.batches if one.buckets[0] not in finished]
        if todo:
            with watch.stage("neighbourhood"):
                villages = vectors.villages(as_of, out / "villages" / f"{as_of}.json", tell)
            with watch.stage("model"):
                bundle.model.prepare()
            asked = _Asked(vectors, as_of, villages, watch)
            # While one bucket is scored and written, the next one's vectors are worked out.
            waiting = beside.submit(asked.of, todo[0])
            for number, batch in enumerate(todo):
                tell("scores", resumed + number, len(names))
                known, near = waiting.result()
                if number + 1 < len(todo):
                    waiting = beside.submit(asked.of, todo[number + 1])
                with watch.stage("scoring and reasons"):
                    rows, block = scorer.assess(known, near)
                    is_scored = rows["score"].is_valid().to_numpy()
                    towns = count_towns(block, scorer.families, texts(rows["village_code"]), is_scored)
                del known
                with watch.stage("writing"):
                    finished[batch.buckets[0]] = folder.write(batch.buckets[0], rows, towns)
        tell("scores", len(names), len(names))
    folder.check(finished)
    return finished, resumed


@dataclass(frozen=True)
class _Asked:
    """What is asked of the signals of a bucket before its households are scored."""

    vectors: BucketVectors
    as_of: dt.date
    villages: Sequence[VillageFacts]
    watch: Stages

    def of(self, batch: Batch) -> tuple[pa.Table, Coverage]:
        """What is known of the households, by household, and the coverage, their neighbourhood's too."""
        with self.watch.stage("vectors"):
            query = self.vectors.read(batch, self.as_of, self.villages)
            found = query.table(self.as_of)
        with self.watch.stage("facts"):
            known = query.latest_facts(self.as_of)
        for one in self.vectors.features:
            known = known.append_column(one.name, found[one.name])
        return known, query.coverage
