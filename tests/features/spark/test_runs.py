"""Runs on Spark: equal to the bucket engine's, continued after a kill, refused in words."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import FEATURES, Coverage, Signals
from features.engines.buckets import read_silent_feeds, read_vectors, write_vectors
from features.engines.spark import write_vectors_on_spark
from features.errors import ContractError, RunError
from features.neighbourhood import FEED
from features.signals.buckets import Buckets
from features.signals.delivery import take_in_folder
from tests.features.spark.conftest import CALM_JVM
from tests.features.spark.counties import Counties
from tests.features.worlds import AS_OF_DATES, make_world
from training.simulation import CountySettings, simulate_county

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how-to" / "spark.md"
AS_OF = dt.date(2026, 6, 30)
FEW = [FEATURES[name] for name in ("composition_members_count", "income_net_per_person_yuan_12m")]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored signals of a simulated county of 1,200 households, late and dirty, in four buckets."""
    folder = tmp_path_factory.mktemp("county")
    ends_on = dt.date(2026, 10, 31)
    simulate_county(CountySettings(households=1_200, ends_on=ends_on, seed=3)).save(folder)
    take_in_folder(folder, folder / "taken", region="CN-50", on=ends_on)
    Signals.load(folder / "taken").save(folder / "signals", households_per_bucket=300)
    assert len(Buckets.open(folder / "signals").buckets) > 2
    return folder / "signals"


@pytest.fixture(scope="module")
def by_buckets(county: Path) -> Path:
    """What the bucket engine wrote of the county."""
    write_vectors(county, [AS_OF], county.parent / "by-buckets")
    return county.parent / "by-buckets"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Stored signals of a few households, in two buckets."""
    world = Counties.of([make_world(seed, AS_OF) for seed in range(2)]).whole
    world.signals().save(tmp_path / "signals", households_per_bucket=5)
    return tmp_path / "signals"


def test_a_run_on_spark_is_the_bucket_engines(
    session: SparkSession, county: Path, by_buckets: Path, tmp_path: Path
) -> None:
    run = write_vectors_on_spark(session, county, [AS_OF], tmp_path / "out")
    found, expected = read_vectors(tmp_path / "out", AS_OF), read_vectors(by_buckets, AS_OF)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    silent, told = (read_silent_feeds(one, AS_OF) for one in (tmp_path / "out", by_buckets))
    pd.testing.assert_series_equal(silent, told)
    assert run.households == {AS_OF: len(expected)}
    neighbourhood = [one.name for one in FEATURES.values() if FEED in one.feeds]
    assert expected[neighbourhood].notna().all(axis=1).mean() > 0.5
    facts = [
        json.loads((one / "villages" / f"{AS_OF}.json").read_text()) for one in (tmp_path / "out", by_buckets)
    ]
    assert sorted(facts[0], key=str) == sorted(facts[1], key=str)
    for path in (tmp_path / "out" / f"as_of_date={AS_OF}").glob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        assert table.column_names == ["household_id", "silent_feeds", *FEATURES]
        assert table.schema.types[:2] == [pa.string(), pa.string()]
        assert set(table.schema.types[2:]) == {pa.float64()}
        assert table["household_id"].to_pylist() == sorted(table["household_id"].to_pylist())


def commands() -> tuple[str, str]:
    """The page's commands for one machine and for a cluster, each on one line."""
    blocks = PAGE.read_text(encoding="utf-8").split("```")
    one, other = (block.replace("\\\n", " ").strip() for block in (blocks[1], blocks[3]))
    return one, other


def submit(command: str, settings: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the page, with the JVM settings of these tests as the machine's own."""
    settings.mkdir(exist_ok=True)
    (settings / "spark-defaults.conf").write_text(
        f"spark.driver.extraJavaOptions {CALM_JVM}\nspark.ui.enabled false\n"
    )
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**os.environ, "SPARK_CONF_DIR": str(settings)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_documented_command_is_the_bucket_engines(county: Path, by_buckets: Path) -> None:
    """The first command of the page, as it stands there; only folders and date are this test's."""
    command, on_cluster = commands()
    out = county.parent / "by-command"
    for written, here in (
        (".venv/bin/", f"{Path(sys.executable).parent}/"),
        ("demo/county/signals", str(county)),
        ("demo/vectors", str(out)),
        ("2026-10-31", str(AS_OF)),
    ):
        assert written in command
        command = command.replace(written, here)
    assert "--master 'local[2]'" in command
    script = "deploy/vectors_on_spark.py"
    options = [re.findall(r"--[a-z-]+", one.split(script)[1]) for one in (command, on_cluster)]
    assert options[0] == options[1] == ["--signals", "--as-of", "--out"]
    done = submit(command, county.parent / "settings")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["households"] == {str(AS_OF): len(read_vectors(by_buckets, AS_OF))}
    pd.testing.assert_frame_equal(read_vectors(out, AS_OF), read_vectors(by_buckets, AS_OF), check_exact=True)
    refused = submit(command.replace(str(county), str(county / "nowhere")), county.parent / "settings")
    assert refused.returncode == 2
    assert "lacks signals.json: give a folder of stored signals" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_killed_run_is_continued_date_by_date(session: SparkSession, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    dates = [AS_OF, AS_OF_DATES[0]]
    first = write_vectors_on_spark(session, few, dates, out, features=FEW)
    assert first.resumed == 0
    whole = [read_vectors(out, one) for one in dates]
    # As a kill leaves it: the second date half written, and nothing said of an end.
    said = json.loads((out / "vectors.json").read_text())
    (out / ".vectors.json.crc").unlink()
    (out / "vectors.json").write_text(json.dumps({**said, "is_complete": False}))
    (out / f"as_of_date={AS_OF}" / "_SUCCESS").unlink()
    shutil.copy(
        next((out / f"as_of_date={AS_OF}").glob("*.parquet")), out / f"as_of_date={AS_OF}" / "x.parquet"
    )
    with pytest.raises(RunError, match="no finished run"):
        read_vectors(out, AS_OF)
    again = write_vectors_on_spark(session, few, dates, out, features=FEW)
    assert again.resumed == 1
    assert again.households == first.households
    for one, before in zip(dates, whole, strict=True):
        pd.testing.assert_frame_equal(read_vectors(out, one), before, check_exact=True)


def test_the_callers_session_is_left_as_it_was(session: SparkSession, few: Path, tmp_path: Path) -> None:
    session.sql("SELECT 1 AS mine").createOrReplaceTempView("income")
    write_vectors_on_spark(session, few, [AS_OF], tmp_path / "out", features=FEW)
    assert session.conf.get("spark.sql.ansi.enabled") == "false"
    assert session.sql("SELECT mine FROM income").collect()[0]["mine"] == 1
    assert [one.name for one in session.catalog.listTables()] == ["income"]
    session.catalog.dropTempView("income")


def test_a_sum_that_does_not_fit_is_an_error(session: SparkSession, tmp_path: Path) -> None:
    from pyspark.errors import ArithmeticException

    world = make_world(1, AS_OF)
    signals = world.signals()
    income = signals.tables["income"]
    huge = income.set_column(
        income.column_names.index("amount_fen"), "amount_fen", pa.array([2**62] * len(income), pa.int64())
    )
    tables = {**signals.tables, "income": pa.concat_tables([huge, huge, huge, huge])}
    Signals(tables, signals.coverage).save(tmp_path / "signals")
    with pytest.raises(ArithmeticException):
        write_vectors_on_spark(session, tmp_path / "signals", [AS_OF], tmp_path / "out", features=FEW[1:])


def test_nobody_registered_gives_an_empty_table(session: SparkSession, tmp_path: Path) -> None:
    Signals({}, Coverage()).save(tmp_path / "signals")
    run = write_vectors_on_spark(session, tmp_path / "signals", [AS_OF], tmp_path / "out", features=FEW)
    assert run.households == {AS_OF: 0}
    frame = read_vectors(tmp_path / "out", AS_OF)
    assert list(frame.columns) == [one.name for one in FEW]
    assert len(frame) == 0


def test_refusals_name_the_way_out(session: SparkSession, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def write(signals: Path = few, dates: tuple[dt.date, ...] = (AS_OF,), to: Path = out) -> None:
        write_vectors_on_spark(session, signals, dates, to, features=FEW)

    with pytest.raises(RunError, match="at least one as-of date"):
        write(dates=())
    with pytest.raises(ContractError, match=r"lacks signals\.json: give a folder of stored signals"):
        write(tmp_path / "nowhere")
    with pytest.raises(RunError, match="holds other files"):
        write(to=few)
    write()
    with pytest.raises(RunError, match=r"another run .*as_of_dates"):
        write(dates=(AS_OF_DATES[0],))
    # Files of both engines in one folder would have every household twice.
    with pytest.raises(RunError, match=r"another run .*engine"):
        write_vectors(few, [AS_OF], out, features=FEW)
    write_vectors(few, [AS_OF], tmp_path / "by-buckets", features=FEW)
    with pytest.raises(RunError, match=r"another run .*engine"):
        write(to=tmp_path / "by-buckets")


@pytest.mark.parametrize("harm", ["absent", "torn", "other columns"])
def test_harmed_signals_are_refused(session: SparkSession, few: Path, tmp_path: Path, harm: str) -> None:
    # The last bucket's file: Spark takes the columns from the first.
    path = Buckets.open(few).paths("income")[-1 if harm != "other columns" else 0]
    if harm == "absent":
        path.unlink()
    elif harm == "torn":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["amount_fen"]), path)
    with pytest.raises(ContractError, match="take the rows in anew"):
        write_vectors_on_spark(session, few, [AS_OF], tmp_path / "out", features=FEW)


def test_a_manifest_that_cannot_be_read_is_refused(session: SparkSession, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_vectors_on_spark(session, few, [AS_OF], out, features=FEW)
    # Its checksum lies beside it and says that it is not what was written.
    (out / "vectors.json").write_text("{}")
    with pytest.raises(RunError, match=r"vectors\.json cannot be read"):
        write_vectors_on_spark(session, few, [AS_OF], out, features=FEW)
    (few / "signals.json").write_text("{")
    with pytest.raises(ContractError, match=r"signals\.json cannot be read: take the rows in anew"):
        write_vectors_on_spark(session, few, [AS_OF], tmp_path / "other", features=FEW)


def test_the_package_is_imported_without_pyspark() -> None:
    code = "import sys, features, features.engines.spark; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
