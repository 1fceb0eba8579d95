"""Uganda National Panel Survey: rows and dated events as signals, in thousands of shillings.

A household at one interview is one registered household, as of the end of the interview's month; what it
recalled is its signals. Coverage says how far each question looked back: 12 months for income and shocks,
30 days for illness, and no labour questions at all in the first wave. Features whose window the survey
did not ask about are missing, by the same rule as for a silent department.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features import FEATURES, Coverage, Signals, build_vectors, take_in
from features.dates import months_before
from features.signals import Delivery
from training.errors import DataError
from training.panels.columns import Floats
from training.panels.comparison import Comparison, Sample, compare
from training.panels.waves import wave_after
from training.surveys.uganda_columns import (
    CODES,
    DIRECTIONS,
    EXTRAS,
    HAZARDS,
    INCOME_SOURCES,
    REQUIRED_COLUMNS,
    SURVEY_FEATURES,
    WAGE_FEATURES,
)

REGION = "UG"
SHILLINGS_PER_UNIT = 1_000
HOUSEHOLDS, EVENTS = "households_by_wave.csv", "events.csv"
Progress = Callable[[str, int, int], None]


def compare_uganda(data: Path, progress: Progress | None = None) -> Comparison:
    """Train on all labelled waves but the last, test on the last.

    Raises `DataError` when a file is missing or lacks columns, or fewer than two waves carry labels.
    """
    households, events = read_panel(data)
    labelled = households[households["label"].notna()]
    waves = sorted(labelled["wave"].unique())
    if len(waves) < 2:
        raise DataError(
            f"{HOUSEHOLDS} has labels in {len(waves)} wave(s): two are needed, to train and to test"
        )
    vectors = build_survey_vectors(households, events, progress)
    # Labels are asked of households that are not poor now; the others only inform the cluster means.
    vectors = vectors.loc[labelled.index]
    last = labelled["wave"] == waves[-1]
    title = f"Uganda National Panel, train {', '.join(map(str, waves[:-1]))}, test {waves[-1]}"
    # Told by the next interview, as the label is, and no later than the test's.
    until = households[households["wave"] <= waves[-1]]
    # Waves may be named by texts such as 2009-10: what counts is which comes next.
    in_order = pd.factorize(until["wave"], sort=True)[0].astype(np.float64)
    later = wave_after(-until["consumption_gap_ratio"], until["household_id"], in_order)
    past = labelled[~last]
    train = _sample(past, vectors, later.loc[past.index].to_numpy(np.float64))
    return compare(title, train, _sample(labelled[last], vectors), progress)


def read_panel(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables of the panel; raises `DataError` naming the file or the columns that are missing."""
    frames = []
    for name, required in REQUIRED_COLUMNS.items():
        path = data / name
        if not path.is_file():
            raise DataError(f"there is no file {path}: give the folder with {HOUSEHOLDS} and {EVENTS}")
        try:
            frame = pd.read_csv(path)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
            raise DataError(f"{path} cannot be read as a CSV table") from None
        missing = sorted(set(required) - set(frame.columns))
        if missing:
            raise DataError(f"{name} lacks the columns {', '.join(missing)}")
        frames.append(frame)
    households, events = (frame.copy() for frame in frames)
    if households.duplicated(["household_id", "wave"]).any():
        raise DataError(f"{HOUSEHOLDS} has a household twice in one wave")
    # The order of a file's rows is chance, and bags and folds follow it.
    households = households.sort_values(["household_id", "wave"], ignore_index=True)
    return households, events.sort_values(sorted(events.columns), kind="stable", ignore_index=True)


def build_survey_vectors(
    households: pd.DataFrame, events: pd.DataFrame, progress: Progress | None = None
) -> pd.DataFrame:
    """Vectors over the index of `households`: the project's features, then the declared extra columns."""
    keyed = households.assign(key=_keys(households), as_of=_interview_ends(households))
    dated = events.assign(key=_keys(events)).merge(keyed[["key", "as_of"]], on="key")
    parts = []
    groups = list(keyed.groupby(["wave", "as_of"]))
    for done, (_, rows) in enumerate(groups, 1):
        as_of = rows["as_of"].iloc[0].date()
        parts.append(_vectors_of_interviews(rows, dated[dated["key"].isin(rows["key"])], as_of))
        if progress:
            progress("vectors", done, len(groups))
    defined = pd.concat(parts).loc[keyed["key"]].set_axis(households.index)
    return pd.concat([defined, _extra_columns(households)], axis=1)


def _vectors_of_interviews(rows: pd.DataFrame, events: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    has_labour = bool(rows["n_wage_workers"].notna().any())
    feeds = {
        "household": _household_rows(rows, as_of),
        "member": _member_rows(rows, as_of),
        "income": _income_rows(rows, as_of, has_labour),
        "illness": _illness_rows(events, as_of),
        "disaster": _disaster_rows(events, as_of),
        "employment": _employment_rows(rows, as_of) if has_labour else [],
    }
    taken = {feed: take_in(feed, found) for feed, found in feeds.items()}
    for feed, one in taken.items():
        if one.quarantined:
            raise DataError(f"the survey's {feed} rows do not fit the contract: {one.defect_counts}")
    signals = Signals({feed: one.accepted for feed, one in taken.items()}, _coverage(as_of, has_labour))
    names = (*SURVEY_FEATURES, *(WAGE_FEATURES if has_labour else ()))
    vectors = build_vectors(signals, [as_of], features=[FEATURES[name] for name in names], region=REGION)
    return vectors.droplevel("as_of_date").reindex(columns=[*SURVEY_FEATURES, *WAGE_FEATURES])


def _coverage(as_of: dt.date, has_labour: bool) -> Coverage:
    recall_months = {"household": 12, "member": 12, "income": 12, "disaster": 12, "illness": 1}
    if has_labour:
        recall_months["employment"] = 12
    day = dt.timedelta(days=1)
    return Coverage(
        Delivery(feed, REGION, months_before(as_of, months) + day, as_of, as_of)
        for feed, months in recall_months.items()
    )


def _household_rows(rows: pd.DataFrame, as_of: dt.date) -> list[dict[str, Any]]:
    return [
        {
            **_dated(one["key"], as_of, as_of),
            "village_code": _village(one["ea"]),
            "background": "other",
            "land_mu": 0,
        }
        for one in rows.to_dict("records")
    ]


def _member_rows(rows: pd.DataFrame, as_of: dt.date) -> list[dict[str, Any]]:
    """Members by age band; the survey file has counts, so each is given the middle age of the band."""
    bands = (("n_child_0_5", 3, "none"), ("n_child_6_14", 10, "none"), ("n_working_age", 35, "ordinary"),
             ("n_elderly_60", 68, "none"))  # fmt: skip
    made = []
    for one in rows.to_dict("records"):
        number = 0
        for column, age, labour in bands:
            for _ in range(int(one[column]) if pd.notna(one[column]) else 0):
                number += 1
                made.append({
                    **_dated(one["key"], as_of, as_of),
                    "member_id": f"m{number}",
                    "born_on": months_before(as_of, age * 12),
                    "labour": labour,
                    "disability_grade": 0,
                    "has_chronic_illness": False,
                    "school": "none",
                })
    return made


def _income_rows(rows: pd.DataFrame, as_of: dt.date, has_labour: bool) -> list[dict[str, Any]]:
    """Twelve months of each source and sign as one row; a loss of an enterprise is a cost."""
    made = []
    for one in rows.to_dict("records"):
        amounts = [(source, one[column]) for column, source in INCOME_SOURCES.items()]
        if has_labour:
            amounts.append(("wages", one["wage_month_est"] * one["months_main_job_max"]))
        gains, losses = Counter[str](), Counter[str]()
        for source, amount in amounts:
            if pd.notna(amount):
                gains[source] += max(amount, 0)
                losses[source] += max(-amount, 0)
        made += [
            {
                **_dated(one["key"], as_of, as_of),
                "source": source,
                "amount_yuan": _units(gains[source]),
                "cost_yuan": _units(losses[source]),
            }
            for source in gains
        ]
    return made


def _illness_rows(events: pd.DataFrame, as_of: dt.date) -> list[dict[str, Any]]:
    """Illness of the last 30 days; where no cost was told, the household told the illness itself."""
    made = []
    for number, one in enumerate(events[events["event_class"] == "illness"].to_dict("records")):
        cost = _units(one["cost"]) if pd.notna(one["cost"]) else 0.0
        made.append({
            **_dated(one["key"], as_of, as_of),
            "member_id": f"e{number}",
            "care": "outpatient",
            "total_yuan": cost,
            "reimbursed_yuan": 0,
            "self_paid_yuan": cost,
            "is_serious_disease": False,
        })
    return made


def _disaster_rows(events: pd.DataFrame, as_of: dt.date) -> list[dict[str, Any]]:
    shocks = events[(events["event_class"] == "shock") & events["event_type"].isin(HAZARDS)]
    # Two shocks of one hazard in one month (a pest and a cattle disease) are one disaster to us.
    shocks = shocks.assign(hazard=shocks["event_type"].map(HAZARDS))
    shocks = shocks.drop_duplicates(["key", "hazard", "event_month"])
    return [
        {
            **_dated(one["key"], min(_month_end(one["event_month"]), as_of), as_of),
            "hazard": one["hazard"],
            "loss_yuan": 0,
            "crop_loss_percent": 0,
            "is_house_damaged": False,
        }
        for one in shocks.to_dict("records")
    ]


def _employment_rows(rows: pd.DataFrame, as_of: dt.date) -> list[dict[str, Any]]:
    made = []
    for one in rows.to_dict("records"):
        workers = int(one["n_wage_workers"]) if pd.notna(one["n_wage_workers"]) else 0
        wage = one["wage_month_est"] if pd.notna(one["wage_month_est"]) else 0.0
        made += [
            {
                **_dated(one["key"], as_of, as_of),
                "member_id": f"w{number}",
                "work": "local",
                "monthly_wage_yuan": _units(wage / workers),
            }
            for number in range(workers)
        ]
    return made


def _extra_columns(households: pd.DataFrame) -> pd.DataFrame:
    """Survey-only columns, and what the other households of the cluster consume. Never an outcome."""
    extras = households[list(EXTRAS)].astype("float64")
    log_ratio = np.log(households["consumption_gap_ratio"].clip(lower=1e-6))
    groups = [households["wave"], households["ea"]]
    return extras.assign(
        consumption_per_person=households["cpexp30"] / households["hsize"],
        cluster_consumption_log_ratio=_mean_of_others(log_ratio, groups),
        cluster_poor_share=_mean_of_others(households["poor"], groups),
    )


def _mean_of_others(values: pd.Series, groups: list[pd.Series]) -> pd.Series:
    grouped = values.groupby(groups)
    others = grouped.transform("count") - 1
    return (grouped.transform("sum") - values) / others.where(others > 0)


def _sample(rows: pd.DataFrame, vectors: pd.DataFrame, later: Floats | None = None) -> Sample:
    return Sample(
        vectors.loc[rows.index],
        rows["label"].to_numpy(dtype=np.int64),
        rows["ea"].to_numpy(dtype=object),
        -rows["consumption_gap_ratio"].to_numpy(dtype=np.float64),
        rows["wave"].to_numpy(dtype=object),
        CODES,
        directions={**{name: one.direction for name, one in FEATURES.items()}, **DIRECTIONS},
        later=later,
    )


def _keys(frame: pd.DataFrame) -> pd.Series:
    return frame["household_id"].astype(str) + "-" + frame["wave"].astype(str)


def _interview_ends(households: pd.DataFrame) -> pd.Series:
    months = households[["interview_year", "interview_month"]].astype("Int64")
    if months.isna().any(axis=None):
        raise DataError(f"{HOUSEHOLDS} has interviews without year or month")
    first = pd.to_datetime({
        "year": months["interview_year"].astype(int),
        "month": months["interview_month"].astype(int),
        "day": 1,
    })
    return first + pd.offsets.MonthEnd(0)


def _month_end(month: str) -> dt.date:
    year, number = int(month[:4]), int(month[5:7])
    return dt.date(year, number, calendar.monthrange(year, number)[1])


def _village(cluster: str) -> str:
    return f"{REGION}{cluster.replace('EA', ''):0>10}"


def _dated(key: str, occurred_on: dt.date, known_on: dt.date) -> dict[str, Any]:
    return {"household_id": key, "occurred_on": occurred_on, "known_on": known_on}


def _units(shillings: float) -> float:
    return round(float(shillings) / SHILLINGS_PER_UNIT, 2)
