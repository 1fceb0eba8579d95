"""The order of rows and columns in a file is chance: nothing may follow from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.panels.made_up import make_panel
from training.panels import compare_panel, read_table
from training.panels.comparison import Sample
from training.panels.ordering import cell_texts, in_order
from training.panels.panel import Prepared, prepare_panel

ASKED: dict[str, Any] = {"household": "hh", "label": "poor", "naive": "income"}


def all_kinds(seed: int) -> pd.DataFrame:
    """A panel with words, dates, codes, keys, gaps, copies and a serial number that rises with the id."""
    panel = make_panel(seed=seed, households=60)
    rng = np.random.default_rng(seed)
    panel["word"] = rng.choice(["hut", "house", "tent", ""], len(panel))
    panel["day"] = pd.Timestamp("2014-01-01") + pd.to_timedelta(rng.integers(0, 90, len(panel)), unit="D")
    panel["crop"] = rng.integers(1, 7, len(panel))
    panel["debt"] = np.where(rng.random(len(panel)) < 0.4, np.nan, rng.integers(0, 1_000, len(panel)))
    panel["a copy"] = panel["income"]
    panel["passport"] = panel["hh"] * 37 + 5
    return panel


def same(one: Prepared, other: Prepared) -> None:
    assert (one.title, one.left_out, one.suspects, one.notes) == (
        other.title, other.left_out, other.suspects, other.notes,
    )  # fmt: skip
    for first, second in ((one.train, other.train), (one.test, other.test)):
        if first is None or second is None:
            assert first is second is None
            continue
        pd.testing.assert_frame_equal(
            first.vectors.reset_index(drop=True), second.vectors.reset_index(drop=True), check_exact=True
        )
        assert (first.codes, first.both) == (second.codes, second.both)
        for name in ("labels", "groups", "naive", "waves"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert isinstance(first, Sample)


@given(st.integers(0, 3), st.randoms(use_true_random=False), st.sampled_from(["year", None]), st.booleans())
@settings(max_examples=8, deadline=None)
def test_no_order_changes_what_is_learned_from(
    seed: int, random: object, time: str | None, has_group: bool
) -> None:
    panel = all_kinds(seed)
    rows, columns = list(range(len(panel))), list(panel.columns)
    random.shuffle(rows)  # type: ignore[attr-defined]  # Hypothesis types its Random as object
    random.shuffle(columns)  # type: ignore[attr-defined]
    asked = {**ASKED, "time": time, "group": "village" if has_group else None}
    mixed = panel.iloc[rows][columns]
    same(prepare_panel(panel, **asked), prepare_panel(mixed, **asked))


def test_a_shuffled_file_gives_the_same_bytes(tmp_path: Path) -> None:
    panel = all_kinds(9).drop(columns=["noise1", "noise2", "noise3"])
    panel.to_csv(tmp_path / "one.csv", index=False)
    panel.sample(frac=1, random_state=3)[sorted(panel.columns, reverse=True)].to_csv(
        tmp_path / "two.csv", index=False, sep=";"
    )
    said = [
        json.dumps(
            compare_panel(read_table(tmp_path / name), **ASKED, time="year", group="village").as_json()
        )
        for name in ("one.csv", "two.csv")
    ]
    assert said[0] == said[1]


def test_a_file_and_the_table_in_memory_are_ordered_alike(tmp_path: Path) -> None:
    panel = all_kinds(4)
    panel.to_csv(tmp_path / "t.csv", index=False)
    panel.to_parquet(tmp_path / "t.parquet")
    asked = {**ASKED, "time": "year"}
    one, two = (prepare_panel(read_table(tmp_path / f"t.{kind}"), **asked) for kind in ("csv", "parquet"))
    same(one, two)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("ab")), min_size=1), st.randoms()
)
@settings(max_examples=30, deadline=None)
def test_rows_that_share_their_keys_are_told_apart_by_all_cells(
    cells: list[tuple[int, int, str]], random: object
) -> None:
    table = pd.DataFrame(cells, columns=["id", "x", "y"])
    places = list(range(len(table)))
    random.shuffle(places)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(
        in_order(table, ["id"], "x"), in_order(table.iloc[places][["y", "x", "id"]], ["id"], "x")
    )
    assert list(in_order(table, ["id"], "y").columns) == ["y", "id", "x"]


def test_a_cell_has_one_text_whatever_its_type() -> None:
    for cells in ([7, 8, 9], [7.0, 8.0, 9.0], ["7", " 8", "9 "]):
        assert cell_texts(pd.Series(cells)).tolist() == ["7", "8", "9"]
    assert cell_texts(pd.Series([7.0, np.nan])).tolist() == ["7", ""]
    assert cell_texts(pd.Series([7.5, 1e300])).tolist() == ["7.5", "1e+300"]
    assert cell_texts(pd.Series([1, None], dtype="Int64")).tolist() == ["1", ""]


@pytest.mark.parametrize("order", ["file", "shuffled"])
def test_a_number_is_a_key_or_none_in_any_order(order: str) -> None:
    panel = make_panel(households=90, seed=3, waves=1).drop(columns="year")
    rng = np.random.default_rng(1)
    # Amounts that differ in every row, and a register's number that rises with the id.
    panel["harvest"] = rng.choice(100_000, len(panel), replace=False)
    panel["register"] = np.sort(rng.choice(100_000, len(panel), replace=False))
    # An export sorted by the harvest must not make a key of it.
    panel = panel.sort_values("harvest") if order == "file" else panel.sample(frac=1, random_state=2)
    found = {one.column: one.code for one in prepare_panel(panel, **ASKED).left_out}
    assert found == {"register": "identifier"}
