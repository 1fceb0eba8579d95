"""Dirt: the defects that real deliveries carry (DOMAIN §3), put into a share of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Defect = Callable[[pd.DataFrame, Any], None]


def soil(feed: str, frame: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Put defects into `share` of the rows and repeat some; a column that holds one becomes text."""
    count = rng.binomial(len(frame), share)
    if count == 0:
        return frame
    frame = frame.copy()
    rows = rng.choice(len(frame), count, replace=False)
    kinds = [kind for kind, columns in _DEFECTS if columns <= set(frame.columns)]
    kinds += [_unknown_category] if set(_CATEGORIES) & set(frame.columns) else []
    for kind, part in zip(kinds, np.array_split(rows, len(kinds) + 1), strict=False):
        if len(part):
            kind(frame, part)
    repeated = np.array_split(rows, len(kinds) + 1)[-1]
    return pd.concat([frame, frame.iloc[repeated]], ignore_index=True)


def _as_text(frame: pd.DataFrame, column: str) -> Any:
    if frame[column].dtype.kind == "M":
        return frame[column].dt.strftime("%Y-%m-%d").astype(object)
    if frame[column].dtype.kind == "f":
        return frame[column].map(lambda value: f"{value:.2f}").astype(object)
    return frame[column].astype(object)


def _spoil(frame: pd.DataFrame, column: str, rows: Any, values: Any) -> None:
    text = _as_text(frame, column)
    text.iloc[rows] = values
    frame[column] = text.astype("str")


def _blank_date(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, "occurred_on", rows, "")


def _malformed_date(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, "known_on", rows, "2025/13/40")


def _trailing_comma(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, "household_id", rows, [f"{key}," for key in frame["household_id"].iloc[rows]])


def _early_arrival(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, "known_on", rows, "2001-01-01")


def _garbled_amount(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, _amount(frame), rows, "1.2万元")


def _negative_amount(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, _amount(frame), rows, "-350.00")


def _unit_slip(frame: pd.DataFrame, rows: Any) -> None:
    """An amount in units of 10,000 yuan in a column of yuan: nothing but its size gives it away."""
    amounts = _amount(frame)
    slipped = frame[amounts].to_numpy(dtype=np.float64, copy=True)
    slipped[rows] = np.round(slipped[rows] / 10_000, 2)
    frame[amounts] = slipped


def _parts_exceed_total(frame: pd.DataFrame, rows: Any) -> None:
    frame.loc[frame.index[rows], "reimbursed_yuan"] += frame["total_yuan"].iloc[rows].astype(float)


def _unknown_category(frame: pd.DataFrame, rows: Any) -> None:
    _spoil(frame, next(one for one in _CATEGORIES if one in frame), rows, "其它")


def _amount(frame: pd.DataFrame) -> str:
    return next(
        one
        for one in ("self_paid_yuan", "amount_yuan", "loss_yuan", "monthly_wage_yuan", "cost_yuan")
        if one in frame
    )


_CATEGORIES = (
    "source", "care", "hazard", "work", "labour", "background", "injury", "kind", "trouble", "purpose",
    "stage", "supply", "change", "channel", "item", "line", "object_type", "grade",
)  # fmt: skip

_DEFECTS: tuple[tuple[Defect, set[str]], ...] = (
    (_blank_date, {"occurred_on"}),
    (_malformed_date, {"known_on"}),
    (_trailing_comma, {"household_id"}),
    (_early_arrival, {"known_on", "occurred_on"}),
    # Before the amounts that turn the column into text.
    (_unit_slip, {"cost_yuan"}),
    (_unit_slip, {"monthly_wage_yuan"}),
    (_parts_exceed_total, {"reimbursed_yuan", "total_yuan"}),
    (_garbled_amount, {"cost_yuan"}),
    (_garbled_amount, {"loss_yuan"}),
    (_negative_amount, {"self_paid_yuan"}),
    (_negative_amount, {"monthly_wage_yuan"}),
)
