"""``python -m features health``: 0 when all is well, 3 when a feed is blocked, 2 when it cannot tell."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from features.__main__ import main
from features.signals.delivery import take_in_folder
from training.simulation import CountySettings, simulate_county
from training.simulation.faults import Fault, inject

MONTH = dt.date(2026, 8, 31)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name → signals: a county as it is, and one whose illness feed lacks every tenth amount."""
    county = simulate_county(CountySettings(households=800, months=2, run_in_months=26))
    county.feeds.pop("identification", None)
    broken = inject(county.feeds, county.coverage, Fault("missing_values", "illness", "500299", MONTH))
    made = {}
    for name, feeds in (("good", county.feeds), ("bad", broken.feeds)):
        raw = tmp_path_factory.mktemp(f"{name}_raw")
        for feed, frame in feeds.items():
            frame.to_parquet(raw / f"{feed}.parquet", index=False)
        county.coverage.to_parquet(raw / "coverage.parquet", index=False)
        signals = tmp_path_factory.mktemp(f"{name}_signals")
        take_in_folder(raw, signals, region="CN-50", on=dt.date(2026, 10, 31))
        made[name] = signals
    return made


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["features", "health", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_healthy_county(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signals = folders["good"]
    code = run(monkeypatch, "--signals", signals, "--as-of", "2026-10-31", "--periods", "2")
    said = capsys.readouterr().out
    assert code == 0, said
    assert "illness" in said
    assert "never delivered" in said
    assert "blocked" not in said


def test_a_blocked_feed_is_exit_code_3(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signals = folders["bad"]
    options = ("--signals", signals, "--as-of", "2026-10-31", "--periods", "1")
    assert run(monkeypatch, *options, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert told["is_healthy"] is False
    (fault,) = [one for one in told["verdicts"] if one["verdict"] == "blocked"]
    assert (fault["feed"], fault["area_code"], fault["period"]) == ("illness", "500299", "2026-08")
    assert fault["reason"] == "missing_values"
    assert set(fault["text"]) == set(fault["way_out"]) == {"zh", "en"}
    assert run(monkeypatch, *options) == 3
    said = capsys.readouterr().out
    assert "blocked" in said
    assert "必填项缺失" in said


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--as-of", "2026-02-30"), "--as-of"),
        (("--as-of", "2026-10-31", "--signals", "no/such/folder"), "lacks signals.json"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_2(
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    match: str,
) -> None:
    assert run(monkeypatch, "--signals", folders["bad"], *options) == 2
    told = capsys.readouterr()
    assert match in told.err
    assert told.out == ""
