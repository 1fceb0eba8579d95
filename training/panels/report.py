"""Report: a comparison as one self-contained page and its JSON, with the same numbers in both."""

from __future__ import annotations

import json
import os
from pathlib import Path

from training.errors import DataError
from training.metrics import reliability
from training.panels.comparison import Comparison
from training.panels.rivals import OURS, TITLES
from training.report.charts.bars import Bar, bars
from training.report.charts.reliability import Bin, ReliabilitySeries, reliability_curve
from training.report.figures import Cell, Figure, Number, Table, paragraph, with_interval
from training.report.files import write_whole
from training.report.page import Page, Section, render_page

PAGE, NUMBERS = "report.html", "report.json"


def save_report(compared: Comparison, folder: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.json`` into `folder`, which is made; the paths of both."""
    folder.mkdir(parents=True, exist_ok=True)
    page, numbers = folder / PAGE, folder / NUMBERS
    write_whole(page, render_page(build_page(compared)))
    write_whole(numbers, json.dumps(compared.as_json(), ensure_ascii=False, indent=1) + "\n")
    return page, numbers


def check_folder(folder: Path) -> None:
    """Refuse, with a `DataError`, what cannot be made or written into; nothing is made yet."""
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not nearest.is_dir():
        raise DataError(f"--report is a folder, and {nearest} is a file: give another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise DataError(f"--report cannot be written: no right to write into {nearest}")


def build_page(compared: Comparison) -> Page:
    """The verdict first, then every model, calibration, what was left out and what is assumed."""
    sections = [
        Section("models", "Models on the same households", (_models(compared), _chart(compared))),
        Section("differences", "Ours against each", (_differences(compared),)),
        Section("calibration", "Calibration", (_calibration(compared),)),
        Section("weights", "What ours is made of", (_weights(compared),)),
    ]
    if compared.left_out:
        sections.append(Section("left-out", "Columns left out", (_left_out(compared),)))
    if compared.notes:
        sections.append(Section("notes", "Notes", tuple(paragraph(one) for one in compared.notes)))
    first, *rest = compared.sentences()
    return Page(
        title=compared.title,
        verdict=(first,),
        tone="good" if compared.judged.word == "better" else "bad",
        sections=tuple(sections),
        summary=(
            *(paragraph(one) for one in rest),
            paragraph(
                Number(compared.n, "count"), " households, ", Number(compared.positives, "count"),
                " with the outcome (", Number(compared.base_rate, "rate"), ").",
            ),
        ),
        summary_language="en",
    )  # fmt: skip


def _models(compared: Comparison) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            TITLES[name],
            with_interval(one.roc_auc, *compared.judged.intervals[name]),
            Number(one.pr_auc),
            with_interval(one.precision.mean, one.precision.worst, one.precision.best),
            with_interval(one.recall.mean, one.recall.worst, one.recall.best),
            Number(one.brier, "four"),
        )
        for name, one in compared.models.items()
    ]
    columns = (
        "model",
        "ROC-AUC [95 %]",
        "PR-AUC",
        "precision @10 % [ties]",
        "recall @10 % [ties]",
        "Brier",
    )
    return Table("Every model", columns, tuple(rows), frozenset({list(compared.models).index(OURS)}))


def _chart(compared: Comparison) -> Figure:
    rows = [
        Bar(TITLES[name], one.roc_auc, *compared.judged.intervals[name], ours=name == OURS)
        for name, one in compared.models.items()
    ]
    best = compared.judged.against
    return bars(
        "ROC-AUC with 95 % intervals",
        f"The best baseline is {TITLES[best]}; intervals overlap more than the paired differences below do.",
        rows,
        axis="ROC-AUC",
        form="three",
        reference=compared.models[best].roc_auc,
        reference_name=TITLES[best],
    )


def _differences(compared: Comparison) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (TITLES[name], with_interval(one.auc, *one.interval, "signed"), one.verdict)
        for name, one in compared.judged.differences.items()
    ]
    return Table(
        "Ours − the other in ROC-AUC, both on the same drawn households",
        ("other", "difference [95 %]", "ours is"),
        tuple(rows),
    )


def _calibration(compared: Comparison) -> Figure:
    shown = [name for name in (OURS, compared.judged.against) if name in compared.curves]
    series = [
        ReliabilitySeries(
            TITLES[name],
            tuple(
                Bin(one["predicted"], one["observed"], households=round(one["households"]))
                for one in reliability(*compared.curves[name])
            ),
        )
        for name in shown
    ]
    return reliability_curve(
        "Reliability",
        "Bins of equally many households: foreseen probability and what happened.",
        series,
        x_title="mean probability",
        y_title="share with the outcome",
    )


def _weights(compared: Comparison) -> Table:
    rows: list[tuple[Cell, ...]] = [(name, Number(one, "two")) for name, one in compared.weights.items()]
    return Table("Weight of each learner on the log-odds scale", ("learner", "weight"), tuple(rows))


def _left_out(compared: Comparison) -> Table:
    rows: list[tuple[Cell, ...]] = [(one.column, one.reason) for one in compared.left_out]
    return Table("Columns that are no feature", ("column", "reason"), tuple(rows))
