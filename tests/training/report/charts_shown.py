"""One of each chart, on data with the awkward cases: zero, missing intervals, hostile names."""

from __future__ import annotations

import datetime as dt

from training.report.charts import (
    Bar,
    Bin,
    DialPoint,
    IntervalRow,
    Line,
    Point,
    ReliabilitySeries,
    Span,
    SplitRow,
    SwarmRow,
    TieRow,
    bars,
    cost_dial,
    heat,
    intervals,
    lines,
    ranges,
    reliability_curve,
    split_timeline,
    swarm,
)
from training.report.figures import Figure

HOSTILE = "<script>alert('x')</script> & \"因病\""
SAYS = "What is seen."


def every_chart() -> dict[str, Figure]:
    day = dt.date
    return {
        "bars": bars(
            "Recall by cause",
            SAYS,
            [
                Bar("01 因病", 0.31, 0.22, 0.41, 93),
                Bar(HOSTILE, 0.0, None, None, 4),
                Bar("ours", 0.44, 0.3, 0.6, 50, ours=True),
            ],
            axis="recall",
            reference=0.33,
            reference_name="all",
        ),
        "intervals": intervals(
            "Foretold and observed",
            SAYS,
            [
                IntervalRow("3 months", 32.0, 21.98, 42.0, 26.13, 32),
                IntervalRow(HOSTILE, -0.5),
                IntervalRow("no bounds", 12.5, None, None, 14.0),
            ],
            axis="households",
            value_title="observed",
            other_title="foretold",
            form="tally",
            reference=20.0,
        ),
        "ranges": ranges(
            "Precision over ties",
            SAYS,
            [TieRow("ours", 0.2, 0.21, 0.22, ours=True), TieRow(HOSTILE, 0.0, 0.05, 0.4)],
            axis="precision",
        ),
        "lines": lines(
            "ROC-AUC by test date",
            SAYS,
            [
                Line("ours", (Point(0, 0.81, 0.77, 0.85), Point(1, 0.79, 0.75, 0.83))),
                Line(HOSTILE, (Point(0, 0.61), Point(1, 0.6, 0.55, 0.66))),
                Line("one date", (Point(1, 0.7),)),
            ],
            x_title="test date",
            y_title="ROC-AUC",
            x_labels={0: "2025-04-30", 1: "2025-10-31"},
        ),
        "reliability": reliability_curve(
            "Reliability",
            SAYS,
            [
                ReliabilitySeries(
                    "ours",
                    (
                        Bin(0.0004, 0.0, 0.0, 0.002, 2_000),
                        Bin(0.003, 0.004, 0.001, 0.007, 2_000),
                        Bin(0.05, 0.06, 0.05, 0.07, 2_000),
                    ),
                ),
                ReliabilitySeries(HOSTILE, (Bin(0.001, 0.002), Bin(0.09, 0.04))),
            ],
            x_title="mean score",
            y_title="observed share",
        ),
        "dial": cost_dial(
            "Visits against missed households",
            SAYS,
            [
                DialPoint(0, 0, 118),
                DialPoint(200, 37, 81),
                DialPoint(1_000, 70, 48),
                DialPoint(4_000, 101, 17),
            ],
            visits_title="visits",
            found_title="found",
            missed_title="missed",
            capacity=200,
            capacity_title="capacity",
        ),
        "timeline": split_timeline(
            "Splits",
            SAYS,
            [
                SplitRow(
                    "split 1",
                    (Span(day(2023, 4, 30), day(2024, 4, 30)),),
                    (Span(day(2024, 4, 30), day(2025, 4, 30)),),
                ),
                SplitRow(
                    HOSTILE,
                    (Span(day(2023, 4, 30), day(2024, 4, 30)), Span(day(2023, 10, 31), day(2024, 10, 31))),
                    (Span(day(2025, 10, 31), day(2026, 10, 31)),),
                ),
            ],
            train_title="train",
            test_title="test",
            as_of_title="as of",
            until_title="labels to",
            outcomes_until=day(2026, 10, 31),
            outcomes_title="outcomes known",
        ),
        "heat": heat(
            "Jaccard of lists", SAYS, ["2025-04", HOSTILE], ["ours", "logistic"], [[1.0, 0.4], [None, 0.65]]
        ),
        "swarm": swarm(
            "Contributions",
            SAYS,
            [
                SwarmRow("illness", 0.21, tuple(((at % 17 - 8) / 10, at % 17 / 17) for at in range(120))),
                SwarmRow(HOSTILE, 0.05, ((0.1, None), (-0.3, 0.0), (0.2, 1.0))),
            ],
            axis="log-odds",
            strength_title="mean size",
        ),
    }
