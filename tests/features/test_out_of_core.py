"""Vectors bucket by bucket are those of the whole, whenever and however often a run is cut off."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, Signals, build_vectors, silent_feeds
from features.engines import buckets as engine
from features.engines.buckets import read_silent_feeds, read_vectors, write_vectors
from features.errors import ContractError, RunError
from features.neighbourhood import village_facts, with_neighbourhood
from features.signals import complete
from features.signals.buckets import Buckets
from tests.features.worlds import AS_OF_DATES, REGION, make_world

AS_OF = AS_OF_DATES[0]
COMMAND = [sys.executable, "-m", "features", "vectors"]


def whole(signals: Signals, as_of: dt.date) -> pd.DataFrame:
    """The vectors in one piece, neighbourhood included."""
    return build_vectors(with_neighbourhood(signals, [as_of], REGION), [as_of], region=REGION, threads=1)


def signals_of(seed: int, as_of: dt.date, households: int, *, is_covered: bool) -> Signals:
    """A world; with every feed covered, most of its villages have facts."""
    signals = make_world(seed, as_of, households).signals()
    whole = complete(CONTRACTS, "50", dt.date(2015, 1, 1), as_of)
    return Signals(signals.tables, whole) if is_covered else signals


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    as_of=st.sampled_from(AS_OF_DATES),
    size=st.integers(1, 30),
    households=st.integers(0, 30),
    is_covered=st.booleans(),
)
def test_vectors_by_bucket_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    as_of: dt.date,
    size: int,
    households: int,
    is_covered: bool,
) -> None:
    folder = tmp_path_factory.mktemp("world")
    signals = signals_of(seed, as_of, households, is_covered=is_covered)
    signals.save(folder / "signals", households_per_bucket=size)
    run = write_vectors(folder / "signals", [as_of], folder / "out", region=REGION, threads=1)
    expected = whole(signals, as_of)
    pd.testing.assert_frame_equal(read_vectors(folder / "out", as_of), expected, check_exact=True)
    assert run.households == {as_of: len(expected)}
    silent = read_silent_feeds(folder / "out", as_of).droplevel("as_of_date")
    told = silent_feeds(with_neighbourhood(signals, [as_of], REGION), as_of, region=REGION)
    pd.testing.assert_series_equal(silent, told)


def test_worlds_have_neighbourhoods_across_buckets() -> None:
    """The worlds above are worth their test: villages of which facts are made."""
    worlds = [signals_of(seed, AS_OF, 30, is_covered=True) for seed in range(10)]
    assert sum(bool(village_facts(signals, AS_OF, REGION)) for signals in worlds) >= 8


def test_some_features_are_asked_several_buckets_at_a_time(tmp_path: Path) -> None:
    signals = make_world(4, AS_OF, 40).signals()
    signals.save(tmp_path / "signals", households_per_bucket=2)
    few = [FEATURES["loan_count"], FEATURES["composition_members_count"]]
    dates = AS_OF_DATES[:2]
    run = write_vectors(tmp_path / "signals", dates, tmp_path / "out", features=few, region=REGION)
    assert run.files < 2 * len(Buckets.open(tmp_path / "signals").buckets)
    for as_of in dates:
        expected = build_vectors(signals, [as_of], features=few, region=REGION)
        pd.testing.assert_frame_equal(read_vectors(tmp_path / "out", as_of), expected, check_exact=True)
    assert [path.name for path in (tmp_path / "out").glob("villages")] == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred households in many buckets: a run that takes some seconds."""
    folder = tmp_path_factory.mktemp("stored")
    make_world(11, AS_OF, 300).signals().save(folder, households_per_bucket=1)
    stored = Buckets.open(folder)
    assert len(stored.buckets) == 3
    # Villages are few in a made-up world, so the buckets are as many as they can be.
    return folder


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_killed_run_goes_on_where_it_was(stored: Path, tmp_path: Path) -> None:
    """kill -9 at many moments; what is finished at the end is what one run writes, each household once."""
    dates = [f"--as-of={one}" for one in AS_OF_DATES]
    arguments = [*COMMAND, "--signals", str(stored), *dates, "--threads", "1", "--json"]
    subprocess.run([*arguments, "--out", str(tmp_path / "whole")], check=True, capture_output=True)
    expected = contents(tmp_path / "whole")
    out = tmp_path / "cut"
    kills, resumed = 0, 0
    while True:
        running = subprocess.Popen([*arguments, "--out", str(out)], stdout=subprocess.PIPE, text=True)
        before = len(list(out.glob("as_of_date=*/*.parquet")))
        # Killed at another point of the work each time: at a new file, or a little after it.
        deadline = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < deadline:
            if len(list(out.glob("as_of_date=*/*.parquet"))) >= before + 2 + kills % 2:
                time.sleep(0.02 * (kills % 4))
                os.kill(running.pid, signal.SIGKILL)
                break
            time.sleep(0.002)
        said, _ = running.communicate(timeout=60)
        if running.returncode == 0:
            resumed = json.loads(said)["resumed"]
            break
        assert running.returncode == -signal.SIGKILL
        kills += 1
        assert kills < 60
    assert kills >= 3
    assert resumed >= 2
    assert contents(out) == expected
    for as_of in AS_OF_DATES:
        ids = read_vectors(out, as_of).index.get_level_values("household_id")
        assert ids.is_unique


def test_a_finished_run_is_not_done_again(stored: Path, tmp_path: Path) -> None:
    first = write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    again = write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    assert (first.resumed, again.resumed) == (0, again.files)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}


def test_other_runs_are_not_mixed(stored: Path, tmp_path: Path) -> None:
    write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    with pytest.raises(RunError, match=r"another run \(as_of_dates differ\)"):
        write_vectors(stored, [AS_OF_DATES[1]], tmp_path, region=REGION)
    with pytest.raises(RunError, match="another run"):
        write_vectors(stored, [AS_OF], tmp_path, features=[FEATURES["loan_count"]], region=REGION)
    other = tmp_path / "other"
    make_world(12, AS_OF, 5).signals().save(other)
    with pytest.raises(RunError, match=r"another run \(signals"):
        write_vectors(other, [AS_OF], tmp_path, region=REGION)


def test_folders_of_something_else_are_left_alone(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(RunError, match="holds other files"):
        write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    assert (tmp_path / "thesis.docx").read_text() == "years of work"
    with pytest.raises(RunError, match="no finished run"):
        read_vectors(tmp_path, AS_OF)
    with pytest.raises(RunError, match="at least one"):
        write_vectors(stored, [], tmp_path / "none")


def test_only_one_run_writes_to_a_folder(stored: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def second(*_: object) -> None:
        if not seen:
            seen.append(1)
            with pytest.raises(RunError, match="another run is writing"):
                write_vectors(stored, [AS_OF], tmp_path, region=REGION)

    write_vectors(stored, [AS_OF], tmp_path, region=REGION, progress=second)
    assert seen


def test_a_harmed_run_is_told(stored: Path, tmp_path: Path) -> None:
    run = write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    first, second, *_ = sorted(run.folder(AS_OF).glob("*.parquet"))
    with pytest.raises(RunError, match="has the dates"):
        read_vectors(tmp_path, dt.date(2020, 1, 1))
    first.write_bytes(b"harmed")
    with pytest.raises(RunError, match="no Parquet table"):
        write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    first.unlink()
    second.rename(second.with_name("9999.parquet"))
    with pytest.raises(RunError, match="other files"):
        write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    (tmp_path / "vectors.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        write_vectors(stored, [AS_OF], tmp_path, region=REGION)


def test_harmed_signals_are_told_without_their_content(tmp_path: Path) -> None:
    make_world(3, AS_OF, 5).signals().save(tmp_path / "signals")
    path = Buckets.open(tmp_path / "signals").paths("member")[0]
    path.write_bytes(b"PAR1 Zhang San 13800000000 PAR1")
    with pytest.raises(ContractError, match="take the rows in anew") as caught:
        write_vectors(tmp_path / "signals", [AS_OF], tmp_path / "out", region=REGION)
    assert "Zhang" not in str(caught.value)
    path.unlink()
    with pytest.raises(RunError, match="could not be read"):
        write_vectors(tmp_path / "signals", [AS_OF], tmp_path / "out", region=REGION)


def test_too_little_memory_is_said_and_no_file_is_left_half(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MEMORY_MB", 1)
    with pytest.raises(RunError, match="more memory"):
        write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    monkeypatch.undo()
    write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".writing" or path.name == ".spilled"]


def test_what_lies_on_disk_is_a_table_that_others_can_read(stored: Path, tmp_path: Path) -> None:
    run = write_vectors(stored, [AS_OF], tmp_path, region=REGION)
    table = pq.read_table(sorted(run.folder(AS_OF).glob("*.parquet"))[0], partitioning=None)
    assert table.column_names == ["household_id", "silent_feeds", *FEATURES]
    assert {str(one.type) for one in table.schema} == {"string", "double"}
    said = json.loads((tmp_path / "vectors.json").read_text())
    assert said["is_complete"]
    assert said["features"] == list(FEATURES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--signals": "/no/such"}, "signals.json"),
        ({"--as-of": "30.6.2026"}, "--as-of"),
        ({"--as-of": "2015-01-31"}, "in force"),
        ({"--feature": "horoscope"}, "horoscope"),
        ({"--out": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_sentence(
    stored: Path, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    options = {"--signals": str(stored), "--as-of": str(AS_OF), "--out": str(tmp_path / "out"), **change}
    words = [word for pair in options.items() for word in pair]
    done = subprocess.run([*COMMAND, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_command_says_what_it_wrote_and_what_was_there(stored: Path, tmp_path: Path) -> None:
    words = [*COMMAND, "--signals", str(stored), "--as-of", str(AS_OF), "--out", str(tmp_path)]
    first = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    count = len(read_vectors(tmp_path, AS_OF))
    assert f"{count:,} vectors as of {AS_OF}" in first
    second = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert "3 of 3 files were there" in second
