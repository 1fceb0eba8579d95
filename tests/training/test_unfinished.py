"""Unfinished runs: one process at a time, kept after a failure, cleaned up after a success."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.errors import DataError
from training.unfinished import unfinished

FIRST, SECOND, THIRD = "0" * 16, "1" * 16, "2" * 16


def leave(out: Path, experiment: str, mark: str) -> Path:
    """What a run that failed half-way leaves."""

    def fail() -> None:
        with unfinished(out, experiment, mark, ()) as stages:
            stages.value("a", lambda: 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    (folder,) = out.glob(f".unfinished-{experiment}-{mark}")
    return folder


def test_what_was_finished_is_kept_until_the_run_ends_well(tmp_path: Path) -> None:
    folder = leave(tmp_path, "county", FIRST)
    with unfinished(tmp_path, "county", FIRST, ()) as stages:
        assert stages.value("a", lambda: 2) == 1
    assert not folder.exists()


def test_a_success_takes_away_what_killed_runs_of_its_experiment_left(tmp_path: Path) -> None:
    gone = leave(tmp_path, "county", SECOND)
    kept = [
        leave(tmp_path, "county-b", FIRST),
        leave(tmp_path, f"county-{THIRD}", FIRST),
        tmp_path / ".unfinished-county-notes",
        tmp_path / "county-20260101-000000-abcdef",
    ]
    for one in kept[2:]:
        one.mkdir()
    with unfinished(tmp_path, "county", FIRST, ()):
        pass
    assert not gone.exists()
    assert all(one.is_dir() for one in kept)


HOLDER = """
import sys
from pathlib import Path
from training.unfinished import unfinished
with unfinished(Path(sys.argv[1]), "county", sys.argv[2], ()) as stages:
    stages.value("a", lambda: 1)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_another_process_is_at_is_left_alone(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), SECOND],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(DataError, match="another process is at this very run"),
            unfinished(tmp_path, "county", SECOND, ()),
        ):
            pass
        with unfinished(tmp_path, "county", FIRST, ()):
            pass
        (held,) = tmp_path.glob(".unfinished-*")
        assert (held / "a").is_dir()
    finally:
        holder.kill()
        holder.communicate()
    # The lock went with the process: the run can go on.
    with unfinished(tmp_path, "county", SECOND, ()) as stages:
        assert stages.value("a", lambda: 2) == 1
