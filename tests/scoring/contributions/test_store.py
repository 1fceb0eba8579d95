"""Stored tables: found again, and ignored when anything about them does not fit."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numba
import numpy as np
import pytest

from scoring.contributions import Explainer, ExplainerSettings, store, tabled
from scoring.contributions.trees import read_forest
from tests.scoring.contributions.boosters import Floats, Recipe

SETTINGS = ExplainerSettings(threads=1)


@pytest.fixture(scope="module")
def made() -> tuple[lgb.Booster, Floats]:
    return Recipe(trees=10, leaves=30, columns=15, rows=1_000, digits=3, categories=True).make()


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many times tables have been worked out."""
    made: list[int] = []
    build = tabled.build_pieces

    def count(model: tabled.TabledModel, most_bytes: int) -> tabled.Pieces:
        made.append(most_bytes)
        return build(model, most_bytes)

    monkeypatch.setattr(tabled, "build_pieces", count)
    return made


def explain(made: tuple[lgb.Booster, Floats], folder: Path, settings: ExplainerSettings = SETTINGS) -> Floats:
    booster, matrix = made
    values = Explainer(booster, settings, folder).contributions(matrix[:100])[0]
    np.testing.assert_array_equal(values, Explainer(booster, SETTINGS).contributions(matrix[:100])[0])
    return values


def stored(folder: Path) -> Path:
    (found,) = folder.glob("*.tables")
    return found


def test_tables_are_built_once(made: tuple[lgb.Booster, Floats], tmp_path: Path, builds: list[int]) -> None:
    folder = tmp_path / "tables"
    booster, matrix = made
    expected = Explainer(booster, SETTINGS, folder).contributions(matrix)[0]
    found = Explainer(booster, SETTINGS, folder).contributions(matrix)[0]
    np.testing.assert_array_equal(found, expected)
    assert len(builds) == 1
    assert [one.suffix for one in folder.iterdir()] == [".tables"]


@pytest.mark.parametrize("categories", [False, True])
def test_what_is_read_is_of_the_types_that_were_built(tmp_path: Path, categories: bool) -> None:
    """Else a service compiles its kernels anew at its second start, and is not ready for as long."""
    booster, _ = Recipe(trees=5, leaves=12, columns=8, rows=500, digits=3, categories=categories).make()
    text = booster.model_to_string()
    model = tabled.read_model(read_forest(text))
    built = tabled.build_pieces(model, 1_000_000)
    kept = store.PieceStore(tmp_path / "tables", text, 1_000_000)
    kept.save(built)
    found = kept.find(model)
    assert found is not None
    for one, other in ((built.tables, found.tables), (built.leaves, found.leaves)):
        assert [numba.typeof(each) for each in one] == [numba.typeof(each) for each in other]


def test_a_pattern_lies_in_whole_cache_lines_built_or_stored(
    made: tuple[lgb.Booster, Floats], tmp_path: Path
) -> None:
    model = tabled.read_model(read_forest(made[0].model_to_string()))
    built = tabled.build_pieces(model, 100_000_000)
    kept = store.PieceStore(tmp_path, "a model", 1)
    kept.save(built)
    found = kept.find(model)
    assert found is not None
    for pieces in (built, found):
        assert pieces.tables.values.ctypes.data % 64 == 0
        assert pieces.tables.values.flags.writeable
    for one, other in zip((*built.tables, *built.leaves), (*found.tables, *found.leaves), strict=True):
        np.testing.assert_array_equal(one, other)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1_000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def change_the_digest(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-64] + b"0" * 64)


@pytest.mark.parametrize("harm", [cut, empty, flip_a_bit, change_the_digest])
def test_damaged_tables_are_built_anew(
    made: tuple[lgb.Booster, Floats], tmp_path: Path, builds: list[int], harm: object
) -> None:
    explain(made, tmp_path)
    assert callable(harm)
    harm(stored(tmp_path))
    before = len(builds)
    explain(made, tmp_path)
    assert len(builds) == before + 2
    builds.clear()
    Explainer(made[0], SETTINGS, tmp_path).contributions(made[1][:2])
    assert builds == []


def test_tables_of_another_model_under_our_name_are_ignored(
    made: tuple[lgb.Booster, Floats], tmp_path: Path
) -> None:
    other = Recipe(seed=9, trees=10, leaves=30, columns=15, rows=1_000, digits=3).make()
    explain(other, tmp_path / "other")
    explain(made, tmp_path / "ours")
    stored(tmp_path / "ours").write_bytes(stored(tmp_path / "other").read_bytes())
    explain(made, tmp_path / "ours")


def test_another_form_or_setting_is_another_file(
    made: tuple[lgb.Booster, Floats], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain(made, tmp_path)
    Explainer(made[0], ExplainerSettings(100, threads=1), tmp_path).contributions(made[1][:2])
    monkeypatch.setattr(store, "FORM", 2)
    explain(made, tmp_path)
    assert len(list(tmp_path.glob("*.tables"))) == 3


def test_tables_that_do_not_add_up_are_ignored(
    made: tuple[lgb.Booster, Floats], tmp_path: Path, builds: list[int]
) -> None:
    explainer = Explainer(made[0], SETTINGS, tmp_path)
    explainer.prepare()
    assert explainer._pieces is not None
    tables = explainer._pieces.tables
    wrong = tables._replace(values=tables.values * 1.01)
    keeper = store.PieceStore(tmp_path, made[0].model_to_string(), 512_000_000)
    keeper.save(tabled.Pieces(wrong, explainer._pieces.leaves))
    builds.clear()
    explain(made, tmp_path)
    assert len(builds) == 2


def test_a_folder_that_cannot_be_written_is_done_without(
    made: tuple[lgb.Booster, Floats], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    explain(made, blocked)
    explain(made, tmp_path / "absent" / "deeper")
    assert not (tmp_path / "absent").exists()
    assert blocked.read_text() == "no folder"


def test_old_models_make_room(made: tuple[lgb.Booster, Floats], tmp_path: Path) -> None:
    for megabytes in range(1, store.MOST_FILES + 3):
        Explainer(made[0], ExplainerSettings(megabytes, threads=1), tmp_path).contributions(made[1][:1])
    assert len(list(tmp_path.glob("*.tables"))) == store.MOST_FILES
