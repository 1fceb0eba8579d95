"""A report as of a model that came out well."""

from __future__ import annotations

from typing import Any


def make_good(doc: dict[str, Any]) -> None:
    doc["verdict"] |= {"verdict": "better", "is_better": True, "sentence": "BETTER than the points card"}
    ours = doc["tests"][-1]["rankings"]["ours"]
    ours["roc_auc"] |= {"value": 0.8, "low": 0.7}
    ours["ece"]["value"] = 0.002
    ours["recall"]["value"] = 0.4
    recall = {"value": 0.35, "low": 0.2, "high": 0.5}
    doc["tests"][-1]["groups"] = [
        {
            "by": "cause",
            "cells": [{"group": code, "positives": 40, "recall": dict(recall)} for code in ("01", "07")],
        }
    ]
    doc["explanations"]["stability"] = {
        "siblings": 2, "listed_households": 30, "listed": 0.9, "random_households": 1_000, "random": 0.75,
    }  # fmt: skip
