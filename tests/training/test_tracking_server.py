"""A real tracking server on loopback: artifacts go through it, and everything works as with a file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring.registry import download_files, fetch_bundle, find_champion, find_registered, list_files
from tests.ports import held_port
from training.pipeline import FinishedRun
from training.promote import promote, rollback
from training.release_log import find_faults, read_releases
from training.tracking import PLOTS, record_run

STARTS_WITHIN = 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``mlflow server`` with artifacts proxied; skipped where it does not start in time."""
    folder = tmp_path_factory.mktemp("server")
    environment = {
        **os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }  # fmt: skip
    with held_port() as port, (folder / "log").open("wb") as log:
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{folder / 'server.db'}",
            "--artifacts-destination", (folder / "stored").as_uri(),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            until = time.monotonic() + STARTS_WITHIN
            while not is_up(f"http://127.0.0.1:{port}/health"):
                if process.poll() is not None:
                    pytest.fail((folder / "log").read_text(errors="replace")[-2_000:])
                if time.monotonic() > until:
                    pytest.skip(f"mlflow server did not start within {STARTS_WITHIN} seconds")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def test_everything_works_over_http(
    server: str, finished: FinishedRun, experiment_file: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished.bundle.parent, tmp_path / "run")
    elsewhere = tmp_path / "artifacts"
    evaluation = finished.evaluation
    runs = [record_run(evaluation, folder / "bundle", server, elsewhere, experiment_file) for _ in range(2)]
    assert [version for _, version in runs] == ["1", "2"]
    # The server keeps the files; nothing was written where a store without a server would put them.
    assert not elsewhere.exists()

    from scoring.registry import connect

    client = connect(server)
    run = client.get_run(runs[0][0])
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    assert run.data.metrics["roc_auc"] == evaluation.flat_metrics()["roc_auc"]
    names = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert {"bundle", PLOTS, "report.html", "report.json", "evaluation.json", "model_card.md"} <= names
    assert len(client.list_artifacts(run.info.run_id, PLOTS)) > 5

    for version in ("1", "2"):
        promote(version, server, "trial", by="王小明")
    fetched = fetch_bundle("champion", server, tmp_path / "champion")
    assert fetched.manifest.version == evaluation.model.version
    # As a service fetches it: file by file, within bounds.
    registered = find_registered("champion", server)
    sizes = {path.name: path.stat().st_size for path in (folder / "bundle").iterdir()}
    assert list_files(registered, server) == sizes
    copied = download_files(registered, server, tmp_path / "copied", sizes, sum(sizes.values()))
    assert {path.name: path.stat().st_size for path in copied.iterdir()} == sizes
    assert rollback(server, why="back").version == "1"
    assert find_champion(server) == "1"
    assert [one.number for one in read_releases(server)] == [1, 2, 3]
    assert find_faults(server) == []
