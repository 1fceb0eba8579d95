"""A province run writes those of which nothing is known without a score."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from scoring import Bundle
from serving.batch import score_all
from serving.province import read_statement, read_summary, score_province
from serving.province.folder import ProvinceFolder
from serving.province.spark import plain
from serving.storage import AssessmentStore
from tests.serving.readers import Everything
from tests.serving.unheard.county import AS_OF, LOUD, QUIET, SILENT, signals_of


def test_a_province_writes_them_without_a_score_as_the_batch_does(
    bundle: Bundle, tmp_path: Path, store: AssessmentStore
) -> None:
    signals = signals_of()
    signals.save(tmp_path / "signals", households_per_bucket=3)
    run = score_province(tmp_path / "signals", AS_OF, bundle, tmp_path / "out", health=False)
    summary = score_all(signals, AS_OF, bundle, store)
    files = ProvinceFolder(tmp_path / "out").files()
    rows = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    assert run.households == len(rows) == summary.households
    by_key = {row["household_id"]: row for row in rows}
    # Spark takes every batch by the columns of an empty one.
    schemas = {plain(pq.read_table(path, partitioning=None)).schema for path in files}
    assert len(files) > 1
    assert len(schemas) == 1
    told = read_summary(tmp_path / "out")
    assert (told["province"]["households"], told["province"]["nothing_known"]) == (7, 3)
    assert told["counties"][SILENT[:6]]["nothing_known"] == told["counties"][SILENT[:6]]["households"] == 3
    assert told["province"]["grades"] == summary.grades
    assert told["province"]["actions"] == summary.actions
    made_of_a_score = (
        "score", "log_odds", "base_log_odds", "certainty", "grade", "suggested_action", "risk_reasons",
        "protective_reasons", "rule_hits", "horizons", "themes",
    )  # fmt: skip
    for key in QUIET:
        row, silent = by_key[key], Everything(store).find_unheard(key)
        assert silent is not None
        assert row["problem"] == "nothing_known"
        assert {name: row[name] for name in made_of_a_score} == dict.fromkeys(made_of_a_score)
        assert {name: row[name] for name in silent.feeds} == silent.feeds
        answer = read_statement(tmp_path / "out", key)
        assert answer is not None
        assert (answer["household_id"], answer["problem"]["code"]) == (key, "nothing_known")
    for key in LOUD:
        found = Everything(store).find(key)
        assert found is not None
        assert by_key[key]["problem"] is None
        assert by_key[key]["score"] == found.body["score"]
        assert by_key[key]["grade"] == found.body["grade"]
        said = read_statement(tmp_path / "out", key)
        assert said is not None
        assert said["score"] == found.body["score"]
