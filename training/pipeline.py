"""Pipeline: one experiment from stored signals to a recorded, registered model."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from features import FEATURES, Signals, feature_version, policy_value, policy_version
from scoring.bundle import load_bundle
from scoring.errors import BundleError
from scoring.registry import CHAMPION, fetch_bundle, find_champion
from training.area_groups import AREA_GROUPS_FILE, load_area_groups
from training.candidate import Candidate
from training.champion import Champion
from training.cohort import check_outcomes
from training.errors import DataError
from training.evaluate import Evaluation, evaluate
from training.evaluation.choice import Choice
from training.evaluation.comparison import Comparison
from training.evaluation.document import evaluation_json, settings_json
from training.evaluation.label_quality import LabelQualitySection
from training.evaluation.outlook import OutlookEvaluation
from training.experiment import Experiment, load_experiment
from training.helped import HELPED_FILE, load_helped
from training.provenance import code_fingerprint, data_fingerprint, library_versions
from training.release import version_name, write_bundle
from training.silent_feeds import Silence
from training.stages import named_by
from training.tracking import record_run
from training.unfinished import unfinished
from training.visits import VISITS_FILE, load_visits

Progress = Callable[[str, int, int], None]

KEPT = (Candidate, Choice, Comparison, OutlookEvaluation, LabelQualitySection, Silence)
"""What a run's stages hold, with all that they are made of."""


@dataclass(frozen=True)
class FinishedRun:
    """An evaluated experiment with where its bundle lies and how it is registered."""

    evaluation: Evaluation
    bundle: Path
    tracking_uri: str
    run_id: str
    registered_version: str

    def as_json(self) -> dict[str, Any]:
        """The run as one JSON object."""
        return {
            "run_id": self.run_id,
            "registered_version": self.registered_version,
            "version": self.evaluation.model.version,
            "bundle": str(self.bundle),
            "tracking_uri": self.tracking_uri,
            **evaluation_json(self.evaluation),
        }


def run_experiment(
    experiment_file: Path,
    data: Path,
    out: Path,
    *,
    outcomes_until: dt.date,
    tracking_uri: str | None = None,
    champion_bundle: Path | None = None,
    progress: Progress | None = None,
) -> FinishedRun:
    """Evaluate an experiment on ``data/signals`` and ``data/outcomes.parquet``, write and record its model.

    ``data/visits.parquet``, ``data/helped.parquet`` and ``data/area_groups.yaml`` are read where there are
    such. The bundle is written
    to ``out/<version>/bundle``; without `tracking_uri` MLflow records into ``out/mlflow.db``. The list is
    compared with that of `champion_bundle`, or else of the registry's champion if there is one. What was
    finished stays in ``out/.unfinished-<experiment>-<hash>`` until the run ends: a run that was killed goes
    on from there when it is started again with the same settings, data and code; see `training.unfinished`.
    Raises `ExperimentError`, `DataError`, `LeakError` or the errors of the data.
    """
    experiment = load_experiment(experiment_file)
    outcome_file = data / "outcomes.parquet"
    if not outcome_file.is_file():
        raise DataError(f"{data} lacks outcomes.parquet: the table of verified identifications")
    signals = Signals.load(data / "signals")
    try:
        outcomes = check_outcomes(pd.read_parquet(outcome_file))
    except pa.ArrowException:
        raise DataError(f"{outcome_file} is not a Parquet table") from None
    visits, helped = load_visits(data), load_helped(data)
    groups = load_area_groups(data)
    if groups is not None:
        experiment = dataclasses.replace(experiment, groups=experiment.groups.with_areas(groups))
    optional = [data / name for name in (VISITS_FILE, HELPED_FILE, AREA_GROUPS_FILE)]
    files = [data / "signals", outcome_file, *(one for one in optional if one.is_file())]
    fingerprint = data_fingerprint(*files)
    out.mkdir(parents=True, exist_ok=True)
    uri = tracking_uri or f"sqlite:///{(out / 'mlflow.db').resolve()}"
    champion, note = find_compared(champion_bundle, uri)
    mark = _run_hash(experiment, fingerprint, outcomes_until, champion)
    with unfinished(out, experiment.name, mark, KEPT) as stages:
        version = stages.value(
            "version", lambda: version_name(experiment.name, fingerprint, dt.datetime.now(dt.UTC))
        )
        shares = policy_value("grade_shares", experiment.region, experiment.split.train[-1]).value
        evaluation = evaluate(
            experiment,
            signals,
            outcomes,
            outcomes_until,
            version=version,
            grade_shares=shares,
            visits=visits,
            helped=helped,
            champion=champion,
            stages=stages,
            progress=progress,
        )
        evaluation = dataclasses.replace(evaluation, champion_note=note)
        folder = out / version
        # Written whole or not at all; a run that was killed after it need not write it again.
        if not (folder / "bundle").is_dir():
            write_bundle(evaluation, folder / "bundle", fingerprint)
        report = json.dumps(evaluation_json(evaluation), ensure_ascii=False, indent=1, allow_nan=False)
        (folder / "evaluation.json").write_text(report + "\n", encoding="utf-8")
        if progress:
            progress("recording", 0, 1)
        run_id, registered = stages.value(
            "recorded",
            lambda: record_run(evaluation, folder / "bundle", uri, out / "artifacts", experiment_file),
        )
    if progress:
        progress("recording", 1, 1)
    return FinishedRun(evaluation, folder / "bundle", uri, run_id, registered)


def find_compared(bundle: Path | None, tracking_uri: str) -> tuple[Champion | None, str | None]:
    """The champion to compare with, or why the registered one cannot be scored any more.

    Raises `ScoringError` for a bundle that was asked for and cannot be loaded.
    """
    if bundle is not None:
        return Champion.of(load_bundle(bundle)), None
    path = tracking_uri.removeprefix("sqlite:///")
    if path != tracking_uri and not Path(path).is_file():
        return None, None
    version = find_champion(tracking_uri)
    if version is None:
        return None, None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return Champion.of(fetch_bundle(CHAMPION, tracking_uri, Path(scratch) / "bundle")), None
        except BundleError as error:
            return None, f"the champion, version {version}, could not be compared with: {error}"


def _run_hash(
    experiment: Experiment, fingerprint: str, outcomes_until: dt.date, champion: Champion | None
) -> str:
    """Names what a run's result depends on: settings, data, features, policy, code and libraries."""
    candidates = [[name, vars(settings)] for name, settings in experiment.grid.candidates]
    return named_by(
        settings_json(experiment),
        candidates,
        fingerprint,
        outcomes_until,
        champion.version if champion else None,
        feature_version(FEATURES.values()),
        policy_version(),
        code_fingerprint(),
        library_versions(),
    )
