"""The picture of a split, sign by sign."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from training.experiment import load_experiment
from training.split_picture import KEY, draw_splits, summary
from training.timeline import Split, rolling_splits


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_a_column_is_a_month() -> None:
    drawn = draw_splits([Split((day("2024-10-31"), day("2024-12-31")), (day("2025-04-30"),), 3)])
    assert drawn.splitlines() == [
        "                      2025",
        "  train 2024-10-31 T--- |",
        "  train 2024-12-31   T---",
        "  test  2025-04-30       X===",
        KEY,
    ]


def test_each_split_is_drawn_on_the_same_line_of_time() -> None:
    splits = rolling_splits([day("2024-01-31"), day("2024-06-30")], [day("2024-07-31"), day("2024-12-31")], 6)
    lines = draw_splits(splits).splitlines()
    assert lines[1:7] == [
        "split 1",
        "  train 2024-01-31 T------",
        "  test  2024-07-31       X======",
        "split 2",
        "  train 2024-01-31 T------    |",
        "  train 2024-06-30      T------",
    ]
    for line in lines:
        if "test" in line:
            assert line.index("X") >= lines[2].rindex("-")


def test_the_summary_says_what_would_be_done() -> None:
    file = Path(__file__).parents[2] / "training" / "experiments" / "annotated.yaml"
    said = summary(load_experiment(file))
    assert "3 fitted" in said
    assert "chosen among 4 on past dates by pr_auc" in said
    assert "for each township, 2 with a quota of their own" in said
