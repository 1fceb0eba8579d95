"""``python -m training panel``: one object, one page, and one sentence where it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.panels.made_up import make_panel
from training.__main__ import main

ROOT = Path(__file__).parents[3]


def panel(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training", "panel", *map(str, arguments)], capture_output=True, text=True,
        check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip


def asked_of(file: Path, changes: dict[str, str]) -> list[str]:
    asked = {"--data": str(file), "--id": "hh", "--time": "year", "--label": "poor", "--naive": "income"}
    return [*(part for pair in {**asked, **changes}.items() for part in pair), "--json"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("panel") / "panel.csv"
    table = make_panel(households=80, seed=20)
    table["<b>answer</b>"] = table["poor"] * 2
    table.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    return path


def test_one_object_and_one_page_with_the_same_numbers(file: Path, tmp_path: Path) -> None:
    done = panel(
        "--data", file, "--id", "hh", "--time", "year", "--label", "poor", "--naive", "income:asc",
        "--group", "village", "--drop", "noise1,noise2", "--test-time", "2014", "--json", "--report", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {one["column"]: one["code"] for one in found["left_out"]} == {
        "noise1": "dropped", "noise2": "dropped", "<b>answer</b>": "leak",
    }  # fmt: skip
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(page) < 2_000_000
    assert not re.search(r"(src|href)=[\"'](?!#)|<script|@import|url\(", page)
    assert "<b>answer</b>" not in page
    assert found["summary"][0] in page.replace("&#39;", "'")
    shown = {float(one) for one in re.findall(r'<data value="([^"]+)"', page)}
    for one in found["models"].values():
        assert one["roc_auc"] in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--data": "none.csv"}, "there is no file"),
        ({"--label": "poors"}, "did you mean 'poor'?"),
        ({"--naive": "income:up"}, "asc or desc"),
        ({"--report": __file__}, "report is a folder"),
        ({"--test-time": "1999"}, "its waves are 2010, 2012, 2014"),
    ],
)
def test_a_refusal_is_one_sentence(
    file: Path, changes: dict[str, str], said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["training", "panel", *asked_of(file, changes)])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr()
    assert left.value.code == 2
    assert said in told.err
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1


def test_a_process_of_its_own_says_nothing_more(file: Path) -> None:
    done = panel(*asked_of(file, {"--label": "poors"}))
    assert done.returncode == 2
    assert "did you mean 'poor'?" in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
