"""A province on Spark is the other engine's, household by household."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scoring import Bundle
from serving.province import read_statement, score_province
from serving.province.folder import ProvinceFolder
from tests.features.spark.conftest import CALM_JVM, what_is_missing
from tests.serving.province.conftest import AS_OF, bundle, county, two_counties

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
    """The command on two threads, with the JVM settings of these tests as the machine's own."""
    settings.mkdir(exist_ok=True)
    (settings / "spark-defaults.conf").write_text(
        f"spark.driver.extraJavaOptions {CALM_JVM}\nspark.ui.enabled false\nspark.master local[2]\n"
        "spark.sql.shuffle.partitions 2\nspark.driver.host 127.0.0.1\nspark.driver.bindAddress 127.0.0.1\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "serving", "score-province", "--engine", "spark", *words],
        env={**os.environ, "SPARK_CONF_DIR": str(settings), "PYSPARK_PYTHON": sys.executable},
        capture_output=True, text=True, check=False,
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


def test_health_on_spark_is_refused_in_one_sentence(
    two_counties: Path, bundle_dir: Path, tmp_path: Path
) -> None:
    words = ["--signals", str(two_counties), "--as-of", str(AS_OF), "--model", str(bundle_dir)]
    done = submit(tmp_path / "conf", *words, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "--no-health" in done.stderr
    assert "Traceback" not in done.stderr
