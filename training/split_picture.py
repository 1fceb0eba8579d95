"""Split picture: training dates, label windows and test dates on one time line, in plain text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from features.dates import horizon_end, month_ends
from training.experiment import Experiment
from training.timeline import Split

KEY = "T training date  - where its labels look  | all are known  X test date  = where its labels look"


def draw_splits(splits: Sequence[Split]) -> str:
    """A picture with a column a month and a line for each date of each split; `KEY` says what the signs mean.

    What may not happen is seen at once: a `-` to the right of the first `X` of its split.
    """
    dates = [one for split in splits for one in (*split.train, *split.test)]
    first = min(dates)
    last = max(horizon_end(one, split.horizon_months) for split in splits for one in split.test)
    months = month_ends(_end_of_month(last), _month(last) - _month(first) + 1)
    lines = []
    for number, split in enumerate(splits, 1):
        if len(splits) > 1:
            lines.append(f"split {number}")
        known = _month(split.labels_known_on) - _month(first)
        for as_of in split.train:
            lines.append(f"  train {as_of} {_line(as_of, 'T', '-', split, first, len(months), known)}")
        for as_of in split.test:
            lines.append(f"  test  {as_of} {_line(as_of, 'X', '=', split, first, len(months), None)}")
    axis = " " * 19 + _axis(months)
    return "\n".join([axis, *lines, KEY])


def summary(experiment: Experiment) -> str:
    """What the experiment would do, in a few lines."""
    grid = experiment.grid
    chosen = (
        f"; chosen among {len(grid.candidates)} on past dates by {grid.choose_by}" if grid.candidates else ""
    )
    return "\n".join([
        f"horizon   {experiment.split.horizon_months} months",
        f"capacity  {experiment.capacity.describe()}",
        f"features  {len(experiment.features)}",
        f"models    {len(experiment.splits)} fitted, one for each split; the last is released{chosen}",
        f"ablation  {'by theme' if experiment.is_ablated else 'no'}",
        f"intervals {experiment.bootstrap.resamples} resamples",
    ])


def _line(
    as_of: dt.date, sign: str, ahead: str, split: Split, first: dt.date, months: int, known: int | None
) -> str:
    start = _month(as_of) - _month(first)
    end = _month(horizon_end(as_of, split.horizon_months)) - _month(first)
    cells = [" "] * (months + 1)
    cells[start + 1 : end + 1] = ahead * (end - start)
    cells[start] = sign
    if known is not None and cells[min(known, months)] != ahead:
        cells[min(known, months)] = "|"
    return "".join(cells).rstrip()


def _axis(months: Sequence[dt.date]) -> str:
    """The year stands above its January, or above the first month."""
    cells = [" "] * (len(months) + 4)
    for at, one in enumerate(months):
        if one.month == 1 or (at == 0 and one.month <= 8):
            cells[at : at + 4] = str(one.year)
    return "".join(cells).rstrip()


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month


def _end_of_month(day: dt.date) -> dt.date:
    return month_ends(day, 1)[0]
