"""``intake`` and ``mend`` as commands: dry run and commit say the same, exit codes, dirt from end to end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pandas as pd
import pytest

from features import Signals
from features.__main__ import main
from features.signals.delivery import take_in_folder
from features.signals.mending import mend
from tests.features.spec_rules import ON, sound
from tests.features.test_mending import COVERAGE, cells, deliver, edit, files, mended, waiting


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["features", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_dry_run_and_commit_give_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(tmp_path / "raw")
    options = ("intake", "--raw", tmp_path / "raw", "--on", ON, "--out", tmp_path / "signals", "--json")
    before = files(tmp_path / "raw")
    assert run(monkeypatch, *options, "--dry-run") == 1
    dry = capsys.readouterr()
    assert not (tmp_path / "signals").exists()
    assert run(monkeypatch, *options) == 1
    assert capsys.readouterr() == dry
    assert files(tmp_path / "raw") == before
    said = json.loads(dry.out)
    assert {name: said["income"][name] for name in ("rows_in", "accepted", "quarantined", "flagged")} == {
        "rows_in": 7, "accepted": 1, "quarantined": 6, "flagged": 0,
    }  # fmt: skip
    assert set(said["income"]["defects"]) == {
        "household_id: malformed", "amount_yuan: not_a_number", "household_id: repeated_row",
        "household_id: missing", "amount_yuan: out_of_range", "row: wrong_field_count",
    }  # fmt: skip
    assert sum(said["income"]["defects"].values()) == 6
    more = ("mend", "--signals", tmp_path / "signals", "--on", ON, "--json")
    edit(tmp_path / "signals" / "quarantine", "income", mended)
    before = files(tmp_path / "signals" / "quarantine")
    assert run(monkeypatch, *more, "--dry-run") == 1
    dry = capsys.readouterr()
    assert files(tmp_path / "signals" / "quarantine") == before
    assert run(monkeypatch, *more) == 1
    assert capsys.readouterr() == dry
    assert json.loads(dry.out)["income"]["accepted"] == 3


def test_exit_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    deliver(raw)
    for feed in ("income", "member"):
        (raw / f"{feed}.csv").unlink()
    coverage = "".join(
        line for line in COVERAGE.splitlines(keepends=True) if line.startswith(("feed", "household"))
    )
    (raw / "coverage.csv").write_text(coverage)
    assert run(monkeypatch, "intake", "--raw", raw, "--on", ON, "--out", tmp_path / "signals") == 0
    assert "accepted" in capsys.readouterr().out
    assert run(monkeypatch, "intake", "--raw", raw, "--on", ON, "--out", tmp_path / "signals") == 2
    assert "holds signals already" in capsys.readouterr().err
    again = ("intake", "--raw", raw, "--on", ON, "--out", tmp_path / "signals", "--replace")
    assert run(monkeypatch, *again) == 0
    capsys.readouterr()
    assert run(monkeypatch, "intake", "--raw", raw, "--on", ON) == 2
    assert "--out is missing" in capsys.readouterr().err
    assert run(monkeypatch, "mend", "--signals", tmp_path / "signals", "--on", ON) == 0
    assert run(monkeypatch, "mend", "--signals", tmp_path / "absent", "--on", ON) == 2
    assert not (tmp_path / "absent").exists()
    assert run(monkeypatch, "mend", "--signals", raw, "--on", ON) == 2
    assert "lacks signals.json" in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(6))
def test_generated_dirt_is_conserved_through_intake_and_mend(tmp_path: Path, seed: int) -> None:
    """Every delivered row ends in the signals or in the quarantine, its id byte-equal, also after a mend."""
    rng = random.Random(seed)
    deliver(tmp_path / "raw")
    rows = [sound("income", household_id=f"0{n}X", amount_yuan=str(n)) for n in range(60)]
    spoilt = {}
    for number in rng.sample(range(60), 25):
        name, cell = rng.choice([
            ("household_id", f"0{number}X,"),
            ("amount_yuan", "1.2万元"),
            ("occurred_on", ""),
            ("source", "其它"),
            ("known_on", "2019-01-01"),
            ("cost_yuan", '0"'),
        ])
        spoilt[number] = name
        rows[number] = rows[number] | {name: cell}
    pd.DataFrame(rows).to_csv(tmp_path / "raw" / "income.csv", index=False)
    out = tmp_path / "signals"
    taken = take_in_folder(tmp_path / "raw", out, region="CN-50", on=ON).intakes["income"]
    assert set(waiting(out)) == set(spoilt)
    assert taken.rows_in == 60
    right = set(rng.sample(sorted(spoilt), 15))
    edit(
        out / "quarantine",
        "income",
        lambda row: (
            cells(
                row,
                **{
                    spoilt[row.number]: (
                        sound("income", household_id=f"0{row.number}X", amount_yuan=str(row.number))
                    )[spoilt[row.number]]
                },
            )
            if row.number in right
            else row
        ),
    )
    assert len(mend(out, region="CN-50", on=ON)["income"].accepted) == 15
    assert set(waiting(out)) == set(spoilt) - right
    stored = Signals.load(out).tables["income"]
    whole = {(row["household_id"], row["amount_fen"]) for row in stored.to_pylist()}
    assert whole == {(f"0{n}X", n * 100) for n in range(60) if n not in set(spoilt) - right}
    assert len(stored) == 50
