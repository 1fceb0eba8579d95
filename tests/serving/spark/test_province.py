"""A province on Spark is the other engine's, household by household."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features import Signals
from features.errors import RunError
from features.signals.buckets import Buckets
from scoring import Bundle, load_bundle
from serving.province import read_statement, read_summary, score_province
from serving.province.folder import ProvinceFolder
from serving.province.spark import BUCKETS_AT_ONCE
from tests.features.spark.conftest import CALM_JVM, what_is_missing
from tests.serving.province.conftest import AS_OF, ENDS_ON, bundle, county, two_counties
from tests.serving.unheard import county as unheard_county

__all__ = ["bundle", "county", "two_counties"]

REASON = what_is_missing()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")


def rows_of(out: Path) -> dict[str, dict[str, Any]]:
    rows = [
        row
        for path in ProvinceFolder(out).files()
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert len({row["household_id"] for row in rows}) == len(rows)
    return {row["household_id"]: row for row in rows}


def submit(settings: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    running = start(settings, *words)
    try:
        said, errors = running.communicate()
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(running.args, running.returncode, said, errors)


def start(settings: Path, *words: str) -> subprocess.Popen[str]:
    """The command on two threads, with the JVM settings of these tests as the machine's own."""
    settings.mkdir(exist_ok=True)
    (settings / "spark-defaults.conf").write_text(
        f"spark.driver.extraJavaOptions {CALM_JVM}\nspark.ui.enabled false\nspark.master local[2]\n"
        "spark.sql.shuffle.partitions 2\nspark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\n"
    )
    return subprocess.Popen(
        [sys.executable, "-m", "serving", "score-province", "--engine", "spark", *words],
        env={**os.environ, "SPARK_CONF_DIR": str(settings), "PYSPARK_PYTHON": sys.executable},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_a_province_on_spark_is_the_other_engines(
    two_counties: Path, bundle: Bundle, bundle_dir: Path, tmp_path: Path
) -> None:
    words = ["--signals", str(two_counties), "--as-of", str(AS_OF), "--model", str(bundle_dir)]
    words += ["--out", str(tmp_path / "spark"), "--no-health", "--json"]
    done = submit(tmp_path / "conf", *words)
    assert done.returncode == 0, done.stderr[-3_000:]
    expected = score_province(two_counties, AS_OF, bundle, tmp_path / "duckdb", health=False)
    found, wanted = rows_of(tmp_path / "spark"), rows_of(tmp_path / "duckdb")
    assert set(found) == set(wanted)
    assert max(abs(found[key]["score"] - wanted[key]["score"]) for key in wanted) <= 1e-12
    # The vectors are equal to the bit and the code is the same, and so is all that is said.
    assert found == wanted
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["province"] == expected.summary["province"]
    summaries = [json.loads((tmp_path / one / "summary.json").read_text()) for one in ("spark", "duckdb")]
    assert summaries[0] == summaries[1]
    key = min(wanted)
    assert read_statement(tmp_path / "spark", key) == read_statement(tmp_path / "duckdb", key)
    again = submit(tmp_path / "conf", *words)
    assert json.loads(again.stdout.strip().splitlines()[-1])["resumed"] == 1


def test_of_whom_nothing_is_known_both_engines_write_the_same(bundle_dir: Path, tmp_path: Path) -> None:
    signals, as_of = tmp_path / "signals", unheard_county.AS_OF
    unheard_county.signals_of().save(signals, households_per_bucket=3)
    words = ["--signals", str(signals), "--as-of", str(as_of), "--model", str(bundle_dir)]
    done = submit(tmp_path / "conf", *words, "--out", str(tmp_path / "spark"), "--no-health", "--json")
    assert done.returncode == 0, done.stderr[-3_000:]
    score_province(signals, as_of, load_bundle(bundle_dir), tmp_path / "duckdb", health=False)
    found, wanted = rows_of(tmp_path / "spark"), rows_of(tmp_path / "duckdb")
    assert found == wanted
    assert {key for key, row in wanted.items() if row["problem"]} == set(unheard_county.QUIET)
    assert read_summary(tmp_path / "spark") == read_summary(tmp_path / "duckdb")


def test_a_killed_run_on_spark_goes_on_with_health_where_it_was(
    two_counties: Path, bundle: Bundle, bundle_dir: Path, tmp_path: Path
) -> None:
    """kill -9 of the driver and its JVM once the first buckets are finished, and once while some are written."""
    signals = tmp_path / "signals"
    Signals.load(two_counties).save(signals, households_per_bucket=60)
    stored = Buckets.open(signals)
    steps = -(-len(stored.buckets) // BUCKETS_AT_ONCE)
    assert steps > 1
    out = tmp_path / "spark"
    words = ["--signals", str(signals), "--as-of", str(ENDS_ON), "--model", str(bundle_dir)]
    words += ["--out", str(out), "--json"]
    first = out / "buckets" / f"{stored.buckets[0].name}.json"
    settings = tmp_path / "conf"
    for wait_for in (out / f".spark-{stored.buckets[0].name}", first):
        running = start(settings, *words)
        try:
            while running.poll() is None and not wait_for.exists():
                time.sleep(0.02)
            assert running.poll() is None, "it ended before it could be killed"
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
        with pytest.raises(RunError, match="no finished run"):
            read_summary(out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("assessments/*/*.parquet")}
    assert before
    done = submit(settings, *words)
    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert (told["resumed"], told["buckets"]) == (1, steps)
    assert before.items() <= {path: path.stat().st_mtime_ns for path in ProvinceFolder(out).files()}.items()
    expected = score_province(signals, ENDS_ON, bundle, tmp_path / "duckdb")
    assert rows_of(out) == rows_of(tmp_path / "duckdb")
    assert read_summary(out) == expected.summary
    assert (out / "health.json").read_bytes() == (tmp_path / "duckdb" / "health.json").read_bytes()
    assert not list(out.glob(".spark-*"))
