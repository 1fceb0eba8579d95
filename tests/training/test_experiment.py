"""Experiment files: every bad value is refused by name, with what is allowed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from features import FEATURES
from training.errors import ExperimentError
from training.experiment import BOUNDS, KEYS, load_experiment, past_pairs
from training.fit import FitSettings
from training.timeline import Split

GOOD: dict[str, Any] = {
    "name": "trial",
    "region": "CN-50",
    "horizon_months": 12,
    "train": [dt.date(2023, 10, 31), dt.date(2024, 10, 31)],
    "test": [dt.date(2025, 10, 31)],
    "capacity": {"share": 0.01},
}


def written(folder: Path, settings: Any) -> Path:
    path = folder / "trial.yaml"
    path.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings), encoding="utf-8")
    return path


def test_a_file_becomes_settings(tmp_path: Path) -> None:
    chosen = list(FEATURES)[:3]
    found = load_experiment(written(tmp_path, {**GOOD, "features": chosen, "fit": {"num_leaves": 7}}))
    assert found.features == tuple(chosen)
    assert found.fit == FitSettings(num_leaves=7)
    assert found.split.test == (dt.date(2025, 10, 31),)


def test_groups_of_features_are_taken_in_catalogue_order(tmp_path: Path) -> None:
    def features(raw: Any) -> set[str]:
        return set(load_experiment(written(tmp_path, {**GOOD, "features": raw})).features)

    illness = {one.name for one in FEATURES.values() if one.theme == "illness"}
    of_loans = {one.name for one in FEATURES.values() if "loan" in one.feeds}
    assert features(["theme:illness"]) == illness
    assert features({"include": ["theme:illness", "feed:loan"]}) == illness | of_loans
    left = {"exclude": ["feed:loan", "composition_land_mu"]}
    assert features(left) == set(FEATURES) - of_loans - {"composition_land_mu"}


def test_a_model_for_each_test_date_learns_from_what_was_known_by_then(tmp_path: Path) -> None:
    dates = {
        "train": [dt.date(2023, 10, 31), dt.date(2024, 4, 30), dt.date(2024, 10, 31)],
        "test": [dt.date(2025, 4, 30), dt.date(2025, 10, 31)],
    }
    found = load_experiment(written(tmp_path, {**GOOD, **dates, "refit": "each"}))
    assert [one.train for one in found.splits] == [tuple(dates["train"][:2]), tuple(dates["train"])]
    assert found.split.test == (dt.date(2025, 10, 31),)
    late = load_experiment(
        written(tmp_path, {**GOOD, **dates, "refit": "each", "labels": {"maturity_days": 60}})
    )
    assert [one.train for one in late.splits] == [(dates["train"][0],), tuple(dates["train"][:2])]
    with pytest.raises(ExperimentError, match="gap of the whole horizon"):
        load_experiment(written(tmp_path, {**GOOD, **dates}))


def test_candidates_are_all_combinations(tmp_path: Path) -> None:
    grid = {"values": {"num_leaves": [7, 15], "l2": [1, 5.0]}, "choose_by": "precision"}
    found = load_experiment(written(tmp_path, {**GOOD, "grid": grid, "fit": {"folds": 3}})).grid
    assert found.choose_by == "precision"
    assert {name for name, _ in found.candidates} == {
        f"l2={l2}, num_leaves={leaves}" for leaves in (7, 15) for l2 in (1, 5.0)
    }
    assert {(one.num_leaves, one.l2, one.folds) for _, one in found.candidates} == {
        (leaves, l2, 3) for leaves in (7, 15) for l2 in (1, 5.0)
    }


def test_choosing_sees_no_test_date_and_keeps_the_whole_gap() -> None:
    days = [dt.date(year, 10, 31) for year in range(2020, 2025)]
    split = Split(tuple(days), (dt.date(2025, 10, 31),), 12)
    assert past_pairs(split) == [(tuple(days[:at]), days[at]) for at in range(1, 5)]
    late = Split(tuple(days[:-1]), (dt.date(2025, 10, 31),), 12, 90)
    assert past_pairs(late) == [(tuple(days[: at - 1]), days[at]) for at in range(2, 4)]


ANNOTATED = Path(__file__).parents[2] / "training" / "experiments" / "annotated.yaml"


def test_the_annotated_experiment_loads() -> None:
    found = load_experiment(ANNOTATED)
    assert (len(found.splits), len(found.grid.candidates), found.is_ablated) == (3, 4, True)
    assert dict(found.capacity.overrides)["500299001"].visits == 20


@pytest.mark.parametrize(("section", "key"), [(one, key) for one, keys in KEYS.items() for key in keys])
def test_every_key_is_explained(section: str, key: str) -> None:
    """It stands in the annotated file, in its section, under a comment of its own."""
    lines = ANNOTATED.read_text(encoding="utf-8").splitlines()
    if section:
        start = next(at for at, line in enumerate(lines) if line.startswith(f"{section}:"))
        end = next((at for at in range(start + 1, len(lines)) if lines[at][:1].isalpha()), len(lines))
        lines = lines[start:end]
    indent = "  " if section else ""
    places = [
        at for at, line in enumerate(lines) if line.startswith((f"{indent}{key}:", f"{indent}# {key}:"))
    ]
    assert places, f"{section}.{key} is not explained in annotated.yaml"
    above = lines[places[0] - 1]
    assert above.startswith(f"{indent}# "), f"{section}.{key} has no comment above it"
    assert len(above) > 15


def test_the_sections_are_all_there_is() -> None:
    from dataclasses import fields

    assert set(KEYS["fit"]) == {one.name for one in fields(FitSettings)} == set(BOUNDS)
    assert set(KEYS) - {""} <= set(KEYS[""])


def test_all_features_unless_some_are_chosen(tmp_path: Path) -> None:
    assert load_experiment(written(tmp_path, GOOD)).features == tuple(FEATURES)


def test_the_experiment_of_the_demo_loads() -> None:
    found = load_experiment(Path(__file__).parents[2] / "training" / "experiments" / "county.yaml")
    assert found.capacity.quota.share == 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leafs": 3}, "unknown: leafs.*Allowed are ablation"),
        ({"name": "../elsewhere"}, "name is at most 40"),
        ({"name": ""}, "name is at most 40"),
        ({"name": 7}, "name is at most 40"),
        ({"region": "XX"}, "region: monitoring_line has no entry for the region XX"),
        ({"train": [dt.date(2019, 10, 31)]}, "region: monitoring_line for CN-50 is defined from"),
        ({"horizon_months": True}, "from 1 to 36"),
        ({"horizon_months": 0}, "from 1 to 36"),
        ({"horizon_months": "12"}, "from 1 to 36"),
        ({"horizon_months": 12.0}, "from 1 to 36"),
        ({"capacity": {"share": 1}}, "between 0 and 1"),
        ({"capacity": 0.01}, "capacity holds settings by name: level, overrides, share, visits"),
        ({"capacity": {}}, "capacity needs share .* or visits"),
        ({"capacity": {"share": 0.1, "visits": 3}}, "one of the two"),
        ({"capacity": {"visits": 2.5}}, "capacity.visits is a whole number"),
        ({"capacity": {"shares": 0.1}}, r"shares \(did you mean share\?\)"),
        ({"capacity": {"share": 0.1, "level": "town"}}, r"town.*Allowed are all, city, county"),
        ({"capacity": {"share": 0.1, "overrides": {"500299": {"visits": 1}}}}, "of a level below"),
        (
            {"capacity": {"share": 0.1, "level": "county", "overrides": {500299: {"visits": 1}}}},
            "area codes in quotes",
        ),
        (
            {"capacity": {"share": 0.1, "level": "county", "overrides": {"500299001": {"visits": 1}}}},
            "one of these lengths: 6",
        ),
        (
            {"capacity": {"share": 0.1, "level": "county", "overrides": {"500299": {"visit": 1}}}},
            r"capacity.overrides.500299: unknown: visit \(did you mean visits\?\)",
        ),
        ({"refit": "always"}, "refit has always.*Allowed are each, once"),
        ({"cohort": {"area": "all"}}, r"cohort: unknown: area \(did you mean areas\?\)"),
        ({"cohort": {"areas": ["50"], "who": 1}}, "cohort: unknown: who"),
        ({"cohort": {"areas": ["5"]}}, "cohort.areas holds area codes"),
        ({"labels": {"source": "rumour"}}, "labels.source has rumour"),
        ({"labels": {"maturity_days": 30}}, "gap of the whole horizon .*30 days"),
        ({"features": {"include": ["theme:illnes"]}}, r"illnes \(did you mean illness\?\)"),
        ({"features": {"exclude": ["feed:none_such"]}}, "feed has none_such"),
        ({"features": {"include": ["loan_count"], "exclude": ["loan_count"]}}, "nothing is left"),
        ({"features": {"includes": "all"}}, r"features: unknown: includes \(did you mean include\?\)"),
        ({"features": 3}, "features is `all`"),
        ({"grid": {"num_leaves": [3]}}, "grid: unknown: num_leaves; missing: values"),
        ({"grid": {"values": {"leaves": [3]}}}, "grid.values: unknown: leaves"),
        ({"grid": {"values": {"num_leaves": 3}}}, "grid.values.num_leaves is a list"),
        ({"grid": {"values": {"num_leaves": [1]}}}, "grid.values.num_leaves is a whole number"),
        ({"grid": {"values": {"seed": list(range(65))}}}, "65 candidates; 64 are the most"),
        ({"grid": {"values": {"l2": [1]}, "choose_by": "luck"}}, "grid.choose_by has luck"),
        (
            {"grid": {"values": {"l2": [1, 2]}}, "train": [dt.date(2024, 10, 31)]},
            "grid chooses on past dates.*give earlier training dates",
        ),
        ({"must_beat": "nobody"}, "must_beat has nobody"),
        ({"ablation": "yes please"}, "ablation is true or false"),
        ({"ablation": 1}, "ablation is true or false"),
        ({"bootstrap": {"resamples": 10}}, "bootstrap.resamples is a whole number from 50"),
        ({"groups": {"areas": {"Remote": ["500299"]}}}, "groups.areas holds lists"),
        ({"groups": {"areas": {"remote": []}}}, "groups.areas.remote is a list"),
        ({"groups": {"small_cell": 0}}, "groups.small_cell is a whole number"),
        ({"capacity": {"share": True}}, "from 0 to 1"),
        ({"capacity": {"share": float("nan")}}, "from 0 to 1"),
        ({"train": dt.date(2023, 10, 31)}, "train is a list of as-of dates"),
        ({"train": ["2023-10-31x"]}, "train is a list of as-of dates"),
        ({"train": []}, "train is a list of as-of dates"),
        ({"train": [dt.date(2024, 10, 31), dt.date(2023, 10, 31)]}, "in order, each once"),
        ({"train": [dt.date(2023, 10, 31)] * 2}, "in order, each once"),
        ({"test": [dt.date(2025, 6, 30)]}, "gap of the whole horizon"),
        ({"features": []}, "list of feature names"),
        ({"features": ["no_such_feature"]}, "features has no_such_feature"),
        ({"features": [next(iter(FEATURES))] * 2}, "doubled"),
        ({"features": [["x"]]}, r"features has \['x'\]"),
        ({"fit": [1]}, "fit holds settings by name"),
        ({"fit": {"leaves": 1}}, "unknown: leaves.*num_leaves"),
        ({"fit": {"num_leaves": 7.5}}, "fit.num_leaves is a whole number from 2 to 1024"),
        ({"fit": {"l2": -1}}, "fit.l2 is a number from"),
        ({"fit": {"l2": float("nan")}}, "fit.l2 is a number from"),
        ({"fit": {"l2": float("inf")}}, "fit.l2 is a number from"),
        ({"fit": {"row_share": 1.5}}, "fit.row_share"),
        ({"fit": {"num_leaves": 1}}, "fit.num_leaves"),
        ({"fit": {"folds": 1}}, "fit.folds"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load_experiment(written(tmp_path, {**GOOD, **change}))


@pytest.mark.parametrize("key", list(GOOD))
def test_missing_keys_are_named(tmp_path: Path, key: str) -> None:
    rest = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ExperimentError, match=f"missing: {key}"):
        load_experiment(written(tmp_path, rest))


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_a_file_without_settings_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExperimentError, match="holds no settings"):
        load_experiment(written(tmp_path, text))


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="not YAML, line 3"):
        load_experiment(written(tmp_path, "name: a\ntrain: [1,\n"))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no experiment file"):
        load_experiment(tmp_path / "nowhere.yaml")


HEAD = "name: trial\nregion: CN-50\nhorizon_months: 12\n"
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
REST = "train: [2023-10-31]\ntest: [2025-10-31]\ncapacity: {share: 0.01}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + REST + "capacity: {share: 0.5}\n", "line 7: the key capacity stands twice"),
        (HEAD + REST + "fit: {seed: 1, seed: 2}\n", "the key seed stands twice"),
        (HEAD + REST + "cohort: &again {areas: *again}\n", "aliases"),
        (LAUGHS + HEAD + REST, "aliases"),
        (HEAD + REST + "cohort: " + "[" * 5_000 + "]" * 5_000, "more than 20"),
        (HEAD + REST + "# " + "x" * 200_000, "longer than 200,000"),
        (HEAD + REST.replace("2023-10-31", "2023-02-31"), "no calendar"),
        (HEAD + REST.replace("2025-10-31", "9999-12-31"), "from 1950 to 2150"),
        (HEAD.replace("12", "9" * 5_000) + REST, "thousands of digits"),
        (HEAD + REST.replace("0.01", "1" + "0" * 400), "capacity.share is a number from 0 to 1"),
        (HEAD + REST + "cohort: !!python/object/apply:os.getcwd []\n", "not YAML, line 7"),
        (HEAD + REST + "fit:\n\tseed: 1\n", "not YAML, line 8"),
    ],
)
def test_text_that_hides_something_or_eats_the_machine_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ExperimentError, match=says):
        load_experiment(written(tmp_path, text))
    assert load_experiment(written(tmp_path, HEAD + REST)).name == "trial"


def test_a_grid_is_counted_before_it_is_made(tmp_path: Path) -> None:
    thirty = list(range(10, 40))
    keys = ("max_trees", "patience", "seed", "num_leaves", "min_rows_in_leaf", "threads")
    with pytest.raises(ExperimentError, match="729000000 candidates; 64"):
        load_experiment(written(tmp_path, {**GOOD, "grid": {"values": dict.fromkeys(keys, thirty)}}))
