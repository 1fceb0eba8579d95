"""Twenty features written by hand for pandas and Polars, as a data scientist would: what the language saves.

Both know that the made-up signals are covered throughout, and so leave coverage out. They give the same
numbers as the engines, which the benchmark checks.
"""

from __future__ import annotations

import datetime as dt
from functools import reduce
from pathlib import Path

import pandas as pd
import polars as pl

from features import FEATURES, Feature
from features.dates import months_before
from features.signals.buckets import Buckets

NAMES = (
    "composition_members_count",
    "composition_elderly_count",
    "composition_children_count",
    "composition_workers_count",
    "composition_disabled_count",
    "composition_dependants_per_worker_share",
    "income_wages_yuan_12m",
    "income_wages_yuan_3m",
    "income_business_yuan_12m",
    "income_transfers_yuan_12m",
    "income_net_yuan_12m",
    "income_net_per_person_yuan_12m",
    "illness_self_paid_yuan_12m",
    "illness_self_paid_yuan_3m",
    "illness_largest_self_paid_yuan_12m",
    "illness_inpatient_count_12m",
    "illness_serious_count_12m",
    "illness_reimbursed_share_12m",
    "employment_working_count",
    "employment_monthly_wages_yuan",
)
FEEDS = ("household", "member", "income", "illness", "employment")
_DATES = ["household_id", "occurred_on", "known_on"]
_ENDS = ["ended_on", "ended_known_on"]
COLUMNS = {
    "household": [*_DATES, *_ENDS],
    "member": [*_DATES, *_ENDS, "born_on", "labour", "disability_grade"],
    "income": [*_DATES, "source", "amount_fen", "cost_fen"],
    "illness": [*_DATES, "care", "is_serious_disease", "total_fen", "reimbursed_fen", "self_paid_fen"],
    "employment": [*_DATES, *_ENDS, "monthly_wage_fen"],
}
WORKERS = ("ordinary", "skilled")


def chosen() -> list[Feature]:
    """The twenty as the language has them."""
    return [FEATURES[name] for name in NAMES]


def with_pandas(stored: Buckets, as_of: dt.date, out: Path) -> None:
    """Read everything, compute, write one Parquet file."""
    now, year, quarter = (pd.Timestamp(months_before(as_of, back)) for back in (0, 12, 3))
    tables = {}
    for feed in FEEDS:
        parts = [pd.read_parquet(path, columns=COLUMNS[feed]) for path in stored.paths(feed)]
        frame = pd.concat(parts, ignore_index=True)
        for name in frame.columns:
            if name.endswith("_on"):
                frame[name] = pd.to_datetime(frame[name])
        tables[feed] = frame[(frame["occurred_on"] <= now) & (frame["known_on"] <= now)]

    def is_open(frame: pd.DataFrame) -> pd.DataFrame:
        ended = frame["ended_on"].where(frame["ended_known_on"] <= now)
        return frame[~(ended < now)]

    out_frame = pd.DataFrame({"household_id": is_open(tables["household"])["household_id"].unique()})
    member = is_open(tables["member"])
    sixty, sixteen = (pd.Timestamp(months_before(as_of, 12 * years)) for years in (60, 16))
    counts = pd.DataFrame({
        "household_id": member["household_id"],
        NAMES[0]: 1,
        NAMES[1]: (member["born_on"] <= sixty).astype("int64"),
        NAMES[2]: (member["born_on"] > sixteen).astype("int64"),
        NAMES[3]: member["labour"].isin(WORKERS).astype("int64"),
        NAMES[4]: (member["disability_grade"] > 0).astype("int64"),
    })
    out_frame = _joined(out_frame, counts.groupby("household_id", sort=False).sum())
    income = tables["income"]
    income = income[income["occurred_on"] > year]
    amount = income["amount_fen"]
    sums = pd.DataFrame({
        "household_id": income["household_id"],
        NAMES[6]: amount.where(income["source"] == "wages", 0),
        NAMES[7]: amount.where((income["source"] == "wages") & (income["occurred_on"] > quarter), 0),
        NAMES[8]: amount.where(income["source"] == "business", 0),
        NAMES[9]: amount.where(income["source"] == "transfers", 0),
        NAMES[10]: amount - income["cost_fen"],
    })
    out_frame = _joined(out_frame, sums.groupby("household_id", sort=False).sum())
    illness = tables["illness"]
    illness = illness[illness["occurred_on"] > year]
    costs = pd.DataFrame({
        "household_id": illness["household_id"],
        NAMES[12]: illness["self_paid_fen"],
        NAMES[13]: illness["self_paid_fen"].where(illness["occurred_on"] > quarter, 0),
        NAMES[15]: (illness["care"] == "inpatient").astype("int64"),
        NAMES[16]: illness["is_serious_disease"].astype("int64"),
        "reimbursed": illness["reimbursed_fen"],
        "total": illness["total_fen"],
    })
    out_frame = _joined(out_frame, costs.groupby("household_id", sort=False).sum())
    largest = illness.groupby("household_id", sort=False)["self_paid_fen"].max().rename(NAMES[14])
    out_frame = _joined(out_frame, largest.to_frame())
    work = is_open(tables["employment"])
    jobs = pd.DataFrame({
        "household_id": work["household_id"],
        NAMES[18]: 1,
        NAMES[19]: work["monthly_wage_fen"],
    })
    out_frame = _joined(out_frame, jobs.groupby("household_id", sort=False).sum())
    members, workers = out_frame[NAMES[0]], out_frame[NAMES[3]]
    out_frame[NAMES[5]] = (members - workers) / workers.where(workers > 0)
    out_frame[NAMES[11]] = out_frame[NAMES[10]] / members.where(members > 0)
    out_frame[NAMES[17]] = out_frame["reimbursed"] / out_frame["total"].where(out_frame["total"] > 0)
    for name in NAMES:
        out_frame[name] = out_frame[name] / 100 if "_yuan" in name else out_frame[name].astype("float64")
    out_frame[["household_id", *NAMES]].to_parquet(out, index=False)


def _joined(frame: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    return frame.join(found, on="household_id").fillna(dict.fromkeys(found.columns, 0))


def with_polars(stored: Buckets, as_of: dt.date, out: Path) -> None:
    """One lazy query over all files, run by the streaming engine into one Parquet file."""
    year, quarter = months_before(as_of, 12), months_before(as_of, 3)
    c, key = pl.col, "household_id"

    def seen(feed: str) -> pl.LazyFrame:
        scan = pl.scan_parquet(stored.paths(feed)).select(COLUMNS[feed])
        return scan.filter(c("occurred_on") <= as_of, c("known_on") <= as_of)

    def is_open(frame: pl.LazyFrame) -> pl.LazyFrame:
        ended = pl.when(c("ended_known_on") <= as_of).then(c("ended_on"))
        return frame.filter(~(ended < as_of).fill_null(False))

    def many(condition: pl.Expr) -> pl.Expr:
        return condition.cast(pl.Int64).sum()

    member = is_open(seen("member")).group_by(key).agg(
        pl.len().cast(pl.Int64).alias(NAMES[0]),
        many(c("born_on") <= months_before(as_of, 12 * 60)).alias(NAMES[1]),
        many(c("born_on") > months_before(as_of, 12 * 16)).alias(NAMES[2]),
        many(c("labour").is_in(WORKERS)).alias(NAMES[3]),
        many(c("disability_grade") > 0).alias(NAMES[4]),
    )  # fmt: skip
    is_wage = c("source") == "wages"
    income = seen("income").filter(c("occurred_on") > year).group_by(key).agg(
        c("amount_fen").filter(is_wage).sum().alias(NAMES[6]),
        c("amount_fen").filter(is_wage & (c("occurred_on") > quarter)).sum().alias(NAMES[7]),
        c("amount_fen").filter(c("source") == "business").sum().alias(NAMES[8]),
        c("amount_fen").filter(c("source") == "transfers").sum().alias(NAMES[9]),
        (c("amount_fen") - c("cost_fen")).sum().alias(NAMES[10]),
    )  # fmt: skip
    illness = seen("illness").filter(c("occurred_on") > year).group_by(key).agg(
        c("self_paid_fen").sum().alias(NAMES[12]),
        c("self_paid_fen").filter(c("occurred_on") > quarter).sum().alias(NAMES[13]),
        c("self_paid_fen").max().alias(NAMES[14]),
        many(c("care") == "inpatient").alias(NAMES[15]),
        many(c("is_serious_disease")).alias(NAMES[16]),
        c("reimbursed_fen").sum().alias("reimbursed"),
        c("total_fen").sum().alias("total"),
    )  # fmt: skip
    jobs = is_open(seen("employment")).group_by(key).agg(
        pl.len().cast(pl.Int64).alias(NAMES[18]), c("monthly_wage_fen").sum().alias(NAMES[19])
    )  # fmt: skip
    homes = is_open(seen("household")).select(key).unique()
    whole = reduce(
        lambda left, right: left.join(right, on=key, how="left"), (member, income, illness, jobs), homes
    )
    made = {"reimbursed", "total", *NAMES} - {NAMES[5], NAMES[11], NAMES[17]}
    whole = whole.with_columns(c(sorted(made)).fill_null(0))

    def ratio(number: pl.Expr, by: str) -> pl.Expr:
        return pl.when(c(by) > 0).then(number.cast(pl.Float64) / c(by).cast(pl.Float64))

    whole = whole.with_columns(
        ratio(c(NAMES[0]) - c(NAMES[3]), NAMES[3]).alias(NAMES[5]),
        ratio(c(NAMES[10]), NAMES[0]).alias(NAMES[11]),
        ratio(c("reimbursed"), "total").alias(NAMES[17]),
    )
    yuan = [
        (c(one).cast(pl.Float64) / 100).alias(one) if "_yuan" in one else c(one).cast(pl.Float64)
        for one in NAMES
    ]
    whole.select(c(key), *yuan).sink_parquet(out)
