"""Runs of a province: continued after kill -9, never mixed, refused in one sentence, summed up right."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from features import Signals
from features.errors import RunError
from features.health.counties import Counties
from features.signals.buckets import Buckets
from scoring import Bundle
from scoring.block import ACTIONS
from scoring.grades import GRADES
from serving.errors import ServingError
from serving.province import read_statement, read_summary, score_province
from serving.province.folder import ProvinceFolder
from tests.serving.conftest import make_bundle
from tests.serving.province.conftest import AS_OF, ENDS_ON

COMMAND = [sys.executable, "-W", "error", "-m", "serving", "score-province"]


def contents(out: Path) -> dict[str, bytes]:
    """Every file that a reader sees."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts)
    }


@pytest.fixture(scope="module")
def written(two_counties: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("written") / "out"
    score_province(two_counties, AS_OF, bundle, out, health=False)
    return out


def _files(folder: Path) -> int:
    # Unlike `rglob`, it does not mind a folder that goes while it looks.
    return sum(len(files) for _, _, files in os.walk(folder))


def test_a_killed_run_goes_on_where_it_was(
    two_counties: Path, bundle_dir: Path, written: Path, tmp_path: Path
) -> None:
    """kill -9 at many moments: what is finished at the end is, byte for byte, what one run writes."""
    out = tmp_path / "cut"
    arguments = [
        *COMMAND, "--signals", str(two_counties), "--as-of", str(AS_OF), "--out", str(out), "--model",
        str(bundle_dir), "--no-health", "--json",
    ]  # fmt: skip
    kills, resumed = 0, 0
    while True:
        running = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        before = _files(out)
        deadline = time.monotonic() + 120
        # Killed at another point of the work each time: at a new file of any kind, or a little after it.
        while running.poll() is None and time.monotonic() < deadline:
            if _files(out) >= before + 2 + kills % 3:
                time.sleep(0.01 * (kills % 4))
                os.kill(running.pid, signal.SIGKILL)
                break
            time.sleep(0.001)
        said, _ = running.communicate(timeout=120)
        if running.returncode == 0:
            resumed = json.loads(said)["resumed"]
            break
        assert running.returncode == -signal.SIGKILL
        kills += 1
        assert kills < 40
    assert kills >= 3
    assert resumed >= 1
    assert contents(out) == contents(written)
    assert not list(out.rglob("*.writing"))


def test_a_check_up_that_was_cut_short_goes_on_with_the_other_counties(
    two_counties: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, judged = Counties._judge, list[str]()

    def one_only(self: Counties, county: str, *rest: Any) -> Any:
        if judged:
            raise MemoryError
        judged.append(county)
        return judge(self, county, *rest)

    def the_rest(self: Counties, county: str, *rest: Any) -> Any:
        judged.append(county)
        return judge(self, county, *rest)

    monkeypatch.setattr("features.health.counties.MOST_AT_ONCE", 1)
    monkeypatch.setattr(Counties, "_judge", one_only)
    with pytest.raises(MemoryError):
        score_province(two_counties, ENDS_ON, bundle, tmp_path / "cut")
    assert [one.stem for one in (tmp_path / "cut" / "health").iterdir()] == judged
    monkeypatch.setattr(Counties, "_judge", the_rest)
    steps: list[tuple[str, int, int]] = []
    score_province(two_counties, ENDS_ON, bundle, tmp_path / "cut", progress=lambda *one: steps.append(one))
    assert len(judged) == len(set(judged)) == 2
    assert not (tmp_path / "cut" / "health").exists()
    done = [one for one in steps if one[0].startswith("health")]
    assert [at for _, at, _ in done] == list(range(done[0][2] // 2 + 1, done[0][2] + 1))
    monkeypatch.undo()
    score_province(two_counties, ENDS_ON, bundle, tmp_path / "whole")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_finished_run_is_not_done_again(two_counties: Path, bundle: Bundle, tmp_path: Path) -> None:
    first = score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    again = score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    assert (first.resumed, again.resumed) == (0, again.buckets)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert first.summary == again.summary == read_summary(tmp_path)


def test_other_runs_are_not_mixed(
    two_counties: Path, county: Path, bundle: Bundle, written: Path, tmp_path: Path
) -> None:
    before = contents(written)
    with pytest.raises(RunError, match=r"another run \(as_of_date differ\)"):
        score_province(two_counties, dt.date(2026, 5, 31), bundle, written, health=False)
    with pytest.raises(RunError, match=r"another run \(signals differ\)"):
        score_province(county, AS_OF, bundle, written, health=False)
    with pytest.raises(RunError, match=r"another run \(health differ\)"):
        score_province(two_counties, AS_OF, bundle, written)
    other = make_bundle(tmp_path / "other", "test-2", seed=6)
    with pytest.raises(RunError, match=r"another run \(model_version, model_sha256 differ\)"):
        score_province(two_counties, AS_OF, other, written, health=False)
    assert contents(written) == before


def test_only_one_run_writes_to_a_folder(two_counties: Path, bundle: Bundle, tmp_path: Path) -> None:
    seen: list[int] = []

    def second(*_: object) -> None:
        if not seen:
            seen.append(1)
            with pytest.raises(RunError, match="another run is writing"):
                score_province(two_counties, AS_OF, bundle, tmp_path, health=False)

    score_province(two_counties, AS_OF, bundle, tmp_path, health=False, progress=second)
    assert seen


def test_a_harmed_run_is_told_and_mended(
    two_counties: Path, bundle: Bundle, written: Path, tmp_path: Path
) -> None:
    score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    path = ProvinceFolder(tmp_path).files()[1]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="no Parquet table"):
        score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    path.unlink()
    with pytest.raises(RunError, match="absent or holds other rows"):
        score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    (tmp_path / "buckets" / f"{path.stem}.json").unlink()
    score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    assert contents(tmp_path) == contents(written)
    stray = path.with_name("9999.parquet")
    stray.write_bytes(whole)
    with pytest.raises(RunError, match="none of this run's files"):
        score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    stray.unlink()
    (tmp_path / "buckets" / f"{path.stem}.json").write_text("[]")
    with pytest.raises(RunError, match="cannot be read"):
        score_province(two_counties, AS_OF, bundle, tmp_path, health=False)
    (tmp_path / "province.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        read_statement(tmp_path, "H1")


def test_an_unfinished_run_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "province.json").write_text(json.dumps({"is_complete": False}))
    with pytest.raises(RunError, match="no finished run"):
        read_summary(tmp_path)


def test_buckets_of_which_nobody_is_registered_are_empty(
    county: Path, bundle: Bundle, tmp_path: Path
) -> None:
    signals = Signals.load(county)
    first = pq.read_table(Buckets.open(county).paths("household")[0], partitioning=None)
    gone = set(first["household_id"].to_pylist())
    rows = [
        {**row, "ended_on": dt.date(2025, 1, 1), "ended_known_on": dt.date(2025, 1, 2)}
        if row["household_id"] in gone
        else row
        for row in signals.tables["household"].to_pylist()
    ]
    table = pa.Table.from_pylist(rows, signals.tables["household"].schema)
    changed = Signals({**signals.tables, "household": table}, signals.coverage)
    changed.save(tmp_path / "signals", households_per_bucket=150)
    run = score_province(tmp_path / "signals", AS_OF, bundle, tmp_path / "out", health=False)
    files = {path.name for path in ProvinceFolder(tmp_path / "out").files()}
    assert "0000.parquet" not in files
    assert run.buckets == len(Buckets.open(tmp_path / "signals").buckets) == len(files) + 1
    assert 0 < run.households <= len(set(table["household_id"].to_pylist())) - len(gone)


def test_the_summary_adds_up_to_what_is_written(written: Path) -> None:
    summary = read_summary(written)
    rows = ds.dataset(written / "assessments", format="parquet").to_table().to_pylist()

    def counted(area: str) -> dict[str, Any]:
        mine = [row for row in rows if row["village_code"].startswith(area)]
        return {
            "households": len(mine),
            "nothing_known": sum(row["problem"] is not None for row in mine),
            "grades": {one: sum(row["grade"] == one for row in mine) for one in GRADES},
            "actions": {one: sum(row["suggested_action"] == one for row in mine) for one in ACTIONS},
            "reasons": dict(
                sorted(
                    Counter(c for row in mine for c in {one["code"] for one in row["risk_reasons"]}).items()
                )
            ),
            "rule_hits": Counter(hit["code"] for row in mine for hit in row["rule_hits"]),
            "disagreements": {
                "rule_only": sum(bool(row["rule_hits"]) and row["grade"] == "low" for row in mine),
                "score_only": sum(not row["rule_hits"] and row["grade"] == "high" for row in mine),
            },
        }

    areas = {"": summary["province"], **summary["counties"], **summary["towns"]}
    assert len(summary["counties"]) == 2
    assert {town[:6] for town in summary["towns"]} == set(summary["counties"])
    for area, said in areas.items():
        expected = counted(area)
        assert said == {
            **expected,
            "rule_hits": {one: expected["rule_hits"][one] for one in said["rule_hits"]},
        }
    for level in ("counties", "towns"):
        assert sum(one["households"] for one in summary[level].values()) == len(rows)
    assert sum(summary["province"]["disagreements"].values()) > 0


def test_the_summary_holds_counts_alone(written: Path) -> None:
    keys = ds.dataset(written / "assessments", format="parquet").to_table(columns=["household_id"])
    text = (written / "summary.json").read_text("utf-8")
    assert not [one for one in keys["household_id"].to_pylist() if one in text]

    def leaves(node: Any) -> list[Any]:
        return [leaf for one in node.values() for leaf in leaves(one)] if isinstance(node, dict) else [node]

    summary = json.loads(text)
    assert {type(one) for part in ("province", "counties", "towns") for one in leaves(summary[part])} == {int}


def test_what_lies_on_disk_has_plain_types(written: Path) -> None:
    table = ds.dataset(written / "assessments", format="parquet", partitioning="hive").to_table()
    assert {"household_id", "score", "risk_reasons", "rule_hits", "county"} <= set(table.column_names)
    assert table.num_rows == read_summary(written)["province"]["households"]
    duck = pytest.importorskip("duckdb")
    (found,) = duck.sql(
        f"SELECT COUNT(*), SUM(len(risk_reasons)), MAX(risk_reasons[1].contribution) FROM "
        f"read_parquet('{written}/assessments/*/*.parquet', hive_partitioning = true)"
    ).fetchall()
    assert found[0] == table.num_rows
    assert found[1] > found[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--signals": "/no/such"}, "signals.json"),
        ({"--as-of": "30.6.2026"}, "--as-of"),
        ({"--as-of": "2015-01-31"}, "in force"),
        ({"--as-of": "2098-01-31"}, "a day to come"),
        ({"--model": "/no/such"}, "manifest.json"),
        ({"--model": "champion"}, "FANGFAN_BUNDLE_DIR"),
        ({"--out": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_sentence(
    two_counties: Path, bundle_dir: Path, tmp_path: Path, change: dict[str, str], said: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from serving.__main__ import main

    monkeypatch.delenv("FANGFAN_BUNDLE_DIR", raising=False)
    options = {
        "--signals": str(two_counties), "--as-of": str(AS_OF), "--model": str(bundle_dir),
        "--out": f"{tmp_path}/out", **change,
    }  # fmt: skip
    words = [word for pair in options.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["serving", "score-province", "--no-health", *words])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = capsys.readouterr()
    assert said in told.err.replace("\n", "")
    assert "Traceback" not in told.err
    assert told.out == ""


def test_the_command_scores_with_the_services_own_champion(
    two_counties: Path, bundle_dir: Path, written: Path, tmp_path: Path
) -> None:
    words = ["--signals", str(two_counties), "--as-of", str(AS_OF), "--out", str(tmp_path), "--no-health"]
    done = subprocess.run(
        [*COMMAND, *words], env={**os.environ, "FANGFAN_BUNDLE_DIR": str(bundle_dir)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    households = read_summary(tmp_path)["province"]["households"]
    assert f"{households:,}" in done.stdout
    assert contents(tmp_path) == contents(written)
    with pytest.raises(ServingError, match="after the last delivery"):
        score_province(two_counties, dt.date(2036, 1, 1), make_bundle(tmp_path / "b"), tmp_path, health=False)
