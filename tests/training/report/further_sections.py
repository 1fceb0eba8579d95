"""Horizons, themes, labels and silent feeds as `evaluation.json` has them, with numbers of no run."""

from __future__ import annotations

from typing import Any

ESTIMATE = {"value": 0.42, "low": 0.31, "high": 0.55}


def quartile(days: float) -> dict[str, float]:
    return {"value": days, "low": days - 12.5, "high": days + 17.5}


def silent(ratio: float) -> dict[str, Any]:
    return {
        "n": 19_532, "positives": 98, "visits": 195, "roc_auc": ESTIMATE, "precision": ESTIMATE, "ece": ESTIMATE,
        "predicted": {"value": 0.00625, "low": 0.00575, "high": 0.00675},
        "observed": {"value": 0.00525, "low": 0.00425, "high": 0.00625},
        "ratio": {"value": ratio, "low": ratio - 0.28125, "high": ratio + 0.34375},
    }  # fmt: skip


def further_sections() -> dict[str, Any]:
    learned = {
        "rows": 611, "households": 247, "loss_of_shares": 1.03125, "loss_of_lines": 1.02375, "standard_error": 0.00375,
        "is_kept": True,
    }  # fmt: skip
    figures = {
        "n": 2931, "positives": 7, "ratio": {"value": 1.1875, "low": 0.6375, "high": 4.125}, "predicted": 8.25, "observed": {"value": 7.0, "low": 2.0, "high": 13.0}, "roc_auc": ESTIMATE,
        "pr_auc": ESTIMATE, "ece": ESTIMATE,
    }  # fmt: skip
    gain = {"identified": 97, "loss": 0.94625, "loss_of_shares": 0.95375}
    evaluation = {
        "n": 19_531, "positives": 19, "weight": 19_530.5, "base_rate": ESTIMATE, "roc_auc": ESTIMATE,
        "precision": ESTIMATE, "recall": ESTIMATE, "ece": ESTIMATE,
    }  # fmt: skip
    date = "2025-10-31"
    return {
        "horizons": {
            "learned": learned,
            "shares": {"3": 0.24125, "12": 1.0},
            "covariates": ["log_odds", "illness_self_paid_yuan_3m"],
            "season": {"identified": 236, "months": 24, "gain": 11.375, "season": {"by_month": [0.71875, 0.76625, *[1.03125] * 9, 0.73375]}},
            "tests": [{
                "as_of_date": date, "n": 2931,
                "horizons": [
                    {"months": 3, "figures": figures},
                    {"months": 12, "figures": {**figures, "predicted": 13.75}},
                ],
                "against_shares": {**gain, "gain": {"value": 0.0075, "low": -0.0125, "high": 0.0275}},
            }],
        },
        "themes": {
            "learned": {**learned, "is_kept": False},
            "shares": {"illness": 0.65625, "other": 0.34375},
            "covariates": ["illness_self_paid_yuan_12m"],
            "tests": [{
                "as_of_date": date, "themes": ["illness", "other"],
                "figures": [
                    {"theme": "illness", "figures": figures, "auc_among_identified": ESTIMATE},
                    {"theme": "other", "figures": {**figures, "positives": 4}},
                ],
                "confusion": [[5, 1], [2, 4]],
                "hit_share": {"value": 0.72625, "low": 0.63125, "high": 0.81125}, "hit_share_of_commonest": {"value": 0.69625, "low": 0.60625, "high": 0.78125},
                "against_shares": {**gain, "gain": {"value": 0.3375, "low": 0.2125, "high": 0.4625}},
            }],
        },
        "label_quality": {
            "tests": [{
                "as_of_date": date,
                "delay_since_onset": {"identified": 99, "known": 71, "quarter": quartile(45.0), "median": quartile(70.5), "three_quarters": quartile(109.0)},
                "delay_since_lead": {"identified": 99, "known": 0},
                "channels": [
                    {"channel": "sweep", "identified": 47, "share": {"value": 0.47125, "low": 0.37625, "high": 0.56125},
                     "recall": {"value": 0.23375, "low": 0.12375, "high": 0.36125}, "is_small": False},
                    {"channel": "screening", "identified": 4, "share": {"value": 0.04125, "low": 0.01375, "high": 0.10125},
                     "recall": {"value": 0.25125, "low": 0.04625, "high": 0.69875}, "is_small": True},
                ],
                "helped": {
                    "helped": 181, "before_outcome": 177, "before_identification": 180,
                    "plain": evaluation, "censored": {**evaluation, "n": 19_366}, "weighted": evaluation,
                },
                "missed": {
                    "first_on": "2025-11-24", "last_on": "2026-07-31", "grace_months": 3, "visits": 702, "met": 659,
                    "found": 4, "population": 19_546.125, "undetected": {"value": 118.625, "low": 46.25, "high": 303.0},
                    "missed": {"value": 59.375, "low": 16.25, "high": 214.875},
                },
                "at_random": {"visits": 881, "found": 5, "figures": {**evaluation, "n": 881, "positives": 5}},
            }],
        },
        "silent_feeds": [
            {"features": 0, "moved": {"value": 1.0, "low": 1.0, "high": 1.0}, "is_level": True, **silent(1.09375)},
            {"feed": "illness", "features": 16, "moved": {"value": 1.5625, "low": 1.46875, "high": 1.65625}, "is_level": False,
             **silent(1.71875)},
        ],
    }  # fmt: skip
