"""A province on an existing Spark: vectors as SQL, and every row scored by the code of the other engine.

Executors need this project's Python. The bundle travels to them as the texts that it is made of, and each
worker loads and checks it once. A run writes what `serving.province.folder` describes, some buckets at a
time, which are named by their first. Spark writes aside; what it wrote is moved into its place, and that it
is finished is said last, so that a killed run goes on where it was and nothing is there twice.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features import Coverage
from features.engines.buckets import facts_from_json, facts_to_json
from features.engines.run_folder import RunFolder
from features.engines.spark import SparkSignals
from features.facts import latest_facts_sql
from features.health import Health
from features.neighbourhood import FEED, VillageFacts
from features.signals.buckets import Buckets, replace_file
from scoring import Bundle, load_bundle
from scoring.bundle import MANIFEST as BUNDLE_MANIFEST
from serving.province.columns import FACT_FEEDS, ProvinceScorer
from serving.province.feeds import FeedFaults
from serving.province.folder import MANIFEST, SUMMARY, Finished, ProvinceFolder
from serving.province.health import believed, read_or_judge
from serving.province.run import ProvinceRun, Stages, about_run, check_date, summarise
from serving.province.summary import COUNTY_DIGITS, TOWN_DIGITS, Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BUCKETS_AT_ONCE = 4
"""Buckets of one step, after which a killed run goes on: some 200,000 households."""

Progress = Callable[[str, int, int], None]

_COUNTED = {
    "grades": "grade",
    "actions": "suggested_action",
    "reasons": "EXPLODE(ARRAY_DISTINCT(TRANSFORM(risk_reasons, one -> one.code)))",
    "rule_hits": "EXPLODE(TRANSFORM(rule_hits, one -> one.code))",
    "disagreements": (
        "CASE WHEN SIZE(rule_hits) > 0 AND grade = 'low' THEN 'rule_only' "
        "WHEN SIZE(rule_hits) = 0 AND grade = 'high' THEN 'score_only' END"
    ),
}
"""What `Counts` counts, as Spark's SQL over a row."""

ASIDE = ".spark-"
"""What the names of folders begin with that Spark writes into, before their files are moved into place."""


def score_province_on_spark(
    session: SparkSession,
    directory: Path,
    as_of: dt.date,
    bundle_dir: Path,
    out: Path,
    *,
    health: bool = True,
    progress: Progress | None = None,
) -> ProvinceRun:
    """Score every household that is registered on the date, as `score_province` does.

    `directory` and `out` lie where the driver and every executor reach them as files. The driver judges the
    deliveries. Raises what `score_province` raises.
    """
    stored, bundle = Buckets.open(directory), load_bundle(bundle_dir)
    check_date(stored.coverage, as_of)
    tell = progress or (lambda step, done, total: None)
    watch = Stages()
    run = RunFolder(out, MANIFEST)
    about = about_run("spark", stored, as_of, bundle, health=health)
    with run.writing(about):
        with watch.stage("health"):
            verdicts = read_or_judge(stored, as_of, out, tell) if health else None
        names = [one.name for one in stored.buckets]
        steps = [names[at : at + BUCKETS_AT_ONCE] for at in range(0, len(names), BUCKETS_AT_ONCE)]
        folder = ProvinceFolder(out)
        for left in out.glob(f"{ASIDE}*"):
            # A killed run wrote it; what it finished was moved into place.
            shutil.rmtree(left)
        finished = {one[0]: done for one in steps if (done := folder.find(one[0]))}
        resumed = len(finished)
        todo = [one for one in steps if one[0] not in finished]
        with watch.stage("spark"):
            scorer = _OnSpark(session, stored, as_of, bundle, bundle_dir, verdicts) if todo else None
            for number, step in enumerate(todo):
                assert scorer is not None
                tell("scores", resumed + number, len(steps))
                finished[step[0]] = scorer.write(step, folder, tell)
        tell("scores", len(steps), len(steps))
        folder.check(finished)
        summary = summarise(about, finished, verdicts)
        replace_file(out / SUMMARY, json.dumps(summary, ensure_ascii=False, indent=1).encode())
        households = int(summary["province"]["households"])
        run.finish(about, {"households": households})
    return ProvinceRun(out, households, len(steps), resumed, summary, watch.seconds)


class _OnSpark:
    """What is scored with: the signals as tables, and what every worker is sent once."""

    def __init__(
        self,
        session: SparkSession,
        stored: Buckets,
        as_of: dt.date,
        bundle: Bundle,
        bundle_dir: Path,
        verdicts: Health | None,
    ) -> None:
        self._session, self._as_of = session, as_of
        self._signals = SparkSignals(session, str(stored.directory), bundle.manifest.region)
        self._signals.coverage = coverage = believed(stored, verdicts, bundle.manifest.region)
        self._scorer = ProvinceScorer(bundle, as_of, coverage)
        texts = {name: (bundle_dir / name).read_bytes() for name in (*bundle.manifest.files, BUNDLE_MANIFEST)}
        self._sent = _Sent(texts, bundle.sha256, as_of, coverage, verdicts)
        self._villages: list[VillageFacts] | None = None

    def write(self, buckets: Sequence[str], folder: ProvinceFolder, tell: Progress) -> Finished:
        """Score some buckets and put what is said into the folder."""
        if self._villages is None:
            self._villages = self._village_facts(folder, tell)
        aside = folder.out / f"{ASIDE}{buckets[0]}"
        county = f"SUBSTRING(village_code, 1, {COUNTY_DIGITS}) AS county"
        frame = self._assessments(buckets).selectExpr("*", county)
        # One file a county, as the other engine writes it.
        sorted_rows = frame.repartition("county").sortWithinPartitions("county", "household_id")
        writer = sorted_rows.write.mode("overwrite").partitionBy("county")
        writer.parquet(aside.absolute().as_uri(), compression="zstd")
        towns = _counts(self._session, aside) if list(aside.glob("county=*")) else {}
        parts = {one.parent.name.removeprefix("county="): one for one in aside.glob("county=*/*.parquet")}
        finished = folder.take(buckets[0], parts, towns)
        shutil.rmtree(aside)
        return finished

    def _village_facts(self, folder: ProvinceFolder, tell: Progress) -> list[VillageFacts]:
        """The facts of all villages, kept in the run's folder."""
        if FEED not in self._scorer.look_back:
            return []
        path = folder.out / "villages" / f"{self._as_of}.json"
        if path.is_file():
            return facts_from_json(path.read_bytes(), self._as_of)
        tell(f"villages {self._as_of}", 0, 1)
        self._signals.open(())
        facts = self._signals.village_facts(self._as_of)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, facts_to_json(facts))
        return facts

    def _assessments(self, buckets: Sequence[str]) -> DataFrame:
        """The rows of `ProvinceScorer`, in no order."""
        from pyspark.sql.pandas.types import from_arrow_schema

        signals, scorer, villages = self._signals, self._scorer, self._villages or []
        signals.open((feed for feed in FACT_FEEDS if feed != FEED), buckets)
        vectors = signals.vectors(self._as_of, scorer.features, villages)
        read = [feed for feed in FACT_FEEDS if feed != FEED or FEED in scorer.look_back]
        known = signals.session.sql(latest_facts_sql(self._as_of, read)).join(vectors, "household_id")
        coverage = signals.coverage.replacing(FEED, (one.delivery for one in villages))
        sent = self._session.sparkContext.broadcast(replace(self._sent, coverage=coverage))
        columns = pa.schema([(name, _ARROW[kind]) for name, kind in known.dtypes])
        schema = plain(scorer.assess(columns.empty_table())[0]).schema

        def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            told: _Sent = sent.value
            scorer = told.scorer()
            for batch in batches:
                rows, _ = scorer.assess(pa.Table.from_batches([batch]))
                yield from plain(rows).to_batches()

        # pyspark's own types know of functions over other columns' batches alone.
        mapped: Any = known.mapInArrow
        found: DataFrame = mapped(score, from_arrow_schema(schema))
        return found


_ARROW = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}


@dataclass(frozen=True)
class _Sent:
    """What a worker needs: the bundle's texts, what is known of coverage, and the verdicts on deliveries."""

    texts: Mapping[str, bytes]
    sha256: str
    as_of: dt.date
    coverage: Coverage
    verdicts: Health | None

    def scorer(self) -> ProvinceScorer:
        """The scorer, made once a worker."""
        return _loaded(self.sha256, self.as_of, _Held(self))


@dataclass(frozen=True)
class _Held:
    """What is sent, without weight when it is asked whether it was seen before."""

    sent: _Sent

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.sent is other.sent


@functools.lru_cache(maxsize=1)
def _loaded(sha256: str, as_of: dt.date, held: _Held) -> ProvinceScorer:
    with tempfile.TemporaryDirectory(prefix="fangfan-") as folder:
        place = Path(folder) / "bundle"
        place.mkdir()
        for name, text in held.sent.texts.items():
            (place / name).write_bytes(text)
        bundle = load_bundle(place)
        bundle.model.prepare()
    return ProvinceScorer(bundle, as_of, held.sent.coverage, FeedFaults(held.sent.verdicts))


def plain(rows: pa.Table) -> pa.Table:
    """The same rows with words in place of places in dictionaries, as Spark takes them."""
    return rows.cast(pa.schema([(one.name, _plain(one.type)) for one in rows.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(one.name, _plain(one.type)) for one in kind])
    return kind


def _counts(session: SparkSession, place: Path) -> dict[str, Counts]:
    """The counts of every town, from what was written."""
    rows = session.read.parquet(place.absolute().as_uri())
    town = f"SUBSTRING(village_code, 1, {TOWN_DIGITS}) AS town"
    found: dict[str, Counts] = {}
    for row in rows.selectExpr(town, "problem").groupBy("town", "problem").count().collect():
        silent = row["count"] if row["problem"] is not None else 0
        found.setdefault(row["town"], Counts()).add(Counts(row["count"], nothing_known=silent))
    for name, text in _COUNTED.items():
        counted: Any = rows.selectExpr(town, f"{text} AS what").where("what IS NOT NULL")
        for row in counted.groupBy("town", "what").count().collect():
            getattr(found[row["town"]], name)[row["what"]] = row["count"]
    return found
