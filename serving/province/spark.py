"""A province on an existing Spark: vectors as SQL, and every row scored by the code of the other engine.

Executors need this project's Python. The bundle travels to them as the texts that it is made of, and each
worker loads and checks it once. A run writes what `serving.province.folder` describes, its files named by
Spark; a killed run is started anew, and what it left is overwritten, so that nothing is there twice.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from features import Coverage
from features.engines.run_folder import RunFolder
from features.engines.spark import SparkSignals
from features.facts import latest_facts_sql
from features.neighbourhood import FEED
from features.signals.buckets import Buckets, replace_file
from scoring import Bundle, load_bundle
from scoring.bundle import MANIFEST as BUNDLE_MANIFEST
from serving.province.columns import FACT_FEEDS, ProvinceScorer
from serving.province.folder import MANIFEST, SUMMARY, Finished
from serving.province.run import ProvinceRun, about_run, check_date, summarise
from serving.province.summary import COUNTY_DIGITS, TOWN_DIGITS, Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

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


def score_province_on_spark(
    session: SparkSession,
    directory: Path,
    as_of: dt.date,
    bundle_dir: Path,
    out: Path,
    *,
    progress: Progress | None = None,
) -> ProvinceRun:
    """Score every household that is registered on the date, as `score_province` does without health.

    `directory` and `out` lie where the driver and every executor reach them as files. Raises what
    `score_province` raises.
    """
    stored, bundle = Buckets.open(directory), load_bundle(bundle_dir)
    check_date(stored.coverage, as_of)
    tell = progress or (lambda step, done, total: None)
    run = RunFolder(out, MANIFEST)
    about = about_run("spark", stored, as_of, bundle, health=False)
    place = out / "assessments"
    started = time.perf_counter()
    with run.writing(about):
        resumed = int((place / "_SUCCESS").is_file())
        if not resumed:
            tell("scores", 0, 1)
            frame = assessments_on_spark(session, directory, as_of, bundle, bundle_dir)
            county = f"SUBSTRING(village_code, 1, {COUNTY_DIGITS}) AS county"
            writer = frame.selectExpr("*", county).write.mode("overwrite").partitionBy("county")
            writer.parquet(place.absolute().as_uri(), compression="zstd")
        tell("summary", 1, 1)
        towns = _counts(session, place)
        summary = summarise(about, {"all": Finished({}, towns)}, None)
        replace_file(out / SUMMARY, json.dumps(summary, ensure_ascii=False, indent=1).encode())
        households = int(summary["province"]["households"])
        run.finish(about, {"households": households})
    seconds = {"spark": round(time.perf_counter() - started, 2)}
    return ProvinceRun(out, households, 1, resumed, summary, seconds)


def assessments_on_spark(
    session: SparkSession, directory: Path, as_of: dt.date, bundle: Bundle, bundle_dir: Path
) -> DataFrame:
    """The rows of `ProvinceScorer`, in no order."""
    from pyspark.sql.pandas.types import from_arrow_schema

    signals = SparkSignals(session, str(directory), bundle.manifest.region)
    signals.open(feed for feed in FACT_FEEDS if feed != FEED)
    coverage = signals.coverage
    scorer = ProvinceScorer(bundle, as_of, coverage)
    villages = signals.village_facts(as_of) if FEED in scorer.look_back else []
    vectors = signals.vectors(as_of, scorer.features, villages)
    read = [feed for feed in FACT_FEEDS if feed != FEED or FEED in scorer.look_back]
    known = signals.session.sql(latest_facts_sql(as_of, read)).join(vectors, "household_id")
    texts = {name: (bundle_dir / name).read_bytes() for name in (*bundle.manifest.files, BUNDLE_MANIFEST)}
    coverage = coverage.replacing(FEED, (one.delivery for one in villages))
    sent = session.sparkContext.broadcast(_Sent(texts, bundle.sha256, as_of, coverage))
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
    """What a worker needs: the bundle's texts, and what is known of coverage."""

    texts: Mapping[str, bytes]
    sha256: str
    as_of: dt.date
    coverage: Coverage

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
    return ProvinceScorer(bundle, as_of, held.sent.coverage)


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
    for row in rows.selectExpr(town).groupBy("town").count().collect():
        found[row["town"]] = Counts(households=row["count"])
    for name, text in _COUNTED.items():
        counted: Any = rows.selectExpr(town, f"{text} AS what").where("what IS NOT NULL")
        for row in counted.groupBy("town", "what").count().collect():
            getattr(found[row["town"]], name)[row["what"]] = row["count"]
    return found
