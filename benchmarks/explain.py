"""Speed of explaining: tables against LightGBM's own contributions, shap and woodelf, on one core.

    python -m benchmarks.explain --model slim|production|deep [--rows 65536] [--line] [--json]

One process trains a model on made-up households, then times every method on the same rows, in turns, with one
thread each. Times are processor time of the process, so that what else the machine does is not
counted; a single household's is wall time. Nothing is timed at its first call. `--line` adds a line to the
trees, as most released models have one: what it costs is the share of the processor time that it adds.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import typer

from scoring.contributions import Explainer, ExplainerSettings
from scoring.line import Blend, Transform
from training.line import fit_line

Floats = npt.NDArray[np.float64]

NUMBERS, FLAGS = 74, 14
CATEGORIES = (3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 40, 180)
TRAINING_ROWS = 60_000


class Size(StrEnum):
    """The models that are timed."""

    SLIM = "slim"
    PRODUCTION = "production"
    DEEP = "deep"


SIZES: dict[Size, tuple[int, dict[str, int]]] = {
    Size.SLIM: (200, {"num_leaves": 31}),
    Size.PRODUCTION: (500, {"num_leaves": 63, "max_depth": 8}),
    Size.DEEP: (500, {"num_leaves": 63}),
}
"""Trees, and what shapes them."""


@dataclass(frozen=True)
class Method:
    """A way to explain rows, and how many it is given: slow ones fewer."""

    name: str
    rows: int
    run: Callable[[Floats], Any]


def main(
    model: Annotated[Size, typer.Option(help="The model")] = Size.SLIM,
    rows: Annotated[int, typer.Option(help="Rows for the fast methods", min=1_000)] = 65_536,
    repeats: Annotated[int, typer.Option(help="Times each method is timed", min=1)] = 5,
    line: Annotated[bool, typer.Option("--line", help="Time the trees with a line too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Speed of explaining: tables against LightGBM's own contributions, shap and woodelf, on one core.

    Time every method on the same model and rows.
    """
    rng = np.random.default_rng(7)
    matrix, labels = make_rows(TRAINING_ROWS + rows, rng)
    booster = train(model, matrix[:TRAINING_ROWS], labels[:TRAINING_ROWS])
    blend = make_blend(matrix[:TRAINING_ROWS], labels[:TRAINING_ROWS]) if line else None
    found = measure(booster, np.ascontiguousarray(matrix[TRAINING_ROWS:]), repeats, blend)
    found = {"model": model.value, "features": matrix.shape[1], **found}
    if as_json:
        print(json.dumps(found))
        return
    print(f"{model.value}: {found['trees']} trees, {matrix.shape[1]} features, {rows:,} rows, one core")
    for name, figures in found.items():
        if isinstance(figures, dict):
            print(f"{name:>14}: " + ", ".join(f"{key} {value:,}" for key, value in figures.items()))
        elif name not in ("model", "features", "trees"):
            print(f"{name:>14}: {figures}")


def measure(booster: lgb.Booster, matrix: Floats, repeats: int, blend: Blend | None) -> dict[str, Any]:
    """Rows a second of every method, its ratio to `pred_contrib`, and errors."""
    explainer = Explainer(booster, ExplainerSettings(threads=1))
    explainer.margins(matrix[:1])
    started = time.process_time()
    megabytes = explainer.table_bytes / 1e6
    build_seconds = time.process_time() - started
    started = time.perf_counter()
    explainer.prepare()
    compile_seconds = time.perf_counter() - started
    slow = 1_000 if booster.num_trees() <= 200 else 200
    methods = [
        Method("pred_contrib", slow, lambda some: booster.predict(some, pred_contrib=True, num_threads=1)),
        Method("ours", len(matrix), explainer.explain),
        Method("top5", len(matrix), lambda some: explainer.strongest(some, 5)),
        Method("predict", len(matrix), lambda some: booster.predict(some, raw_score=True, num_threads=1)),
        Method("margins", len(matrix), explainer.margins),
        *compared(booster, matrix, slow),
    ]

    def blended(some: Floats) -> Any:
        assert blend is not None
        found = explainer.explain(some)
        blend.explain(*found, some)
        return found

    if blend is not None:
        methods.append(Method("blended", len(matrix), blended))
    speeds, answers = time_methods(methods, matrix, repeats)
    reference = np.asarray(answers["pred_contrib"])
    margins, values, base = answers["ours"]
    best = np.take_along_axis(values, answers["top5"][1], axis=1)
    found: dict[str, Any] = {"trees": booster.num_trees()}
    for name, speed in speeds.items():
        against = "predict" if name in ("predict", "margins") else "pred_contrib"
        found[name] = {"rows_per_s": round(speed, 1), "ratio": round(speed / speeds[against], 2)}
    found["ours"] |= {
        "max_abs_error": largest(values[:slow] - reference[:, :-1]),
        "additivity_error": largest(base + values.sum(axis=1) - margins),
        "build_s": round(build_seconds, 2),
        "compile_s": round(compile_seconds, 2),
        "table_mb": round(megabytes, 1),
    }
    found["top5"]["max_abs_error"] = largest(answers["top5"][2] - best)
    found["margins"]["max_abs_error"] = largest(answers["margins"] - answers["predict"])
    for name in ("shap", "woodelf"):
        if name in answers:
            found[name]["max_abs_error"] = largest(np.asarray(answers[name])[:slow] - reference[:, :-1])
    if blend is not None:
        found["blended"]["line_cost"] = round(speeds["ours"] / speeds["blended"] - 1, 4)
        found["single_blended_ms"] = single_milliseconds(blended, matrix)
    return found | {
        "single_ms": single_milliseconds(explainer.explain, matrix),
        "single_pred_contrib_ms": single_milliseconds(methods[0].run, matrix[:100]),
        "single_margin_ms": single_milliseconds(explainer.margins, matrix),
        "single_predict_ms": single_milliseconds(methods[3].run, matrix),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def make_blend(matrix: Floats, labels: npt.NDArray[np.bool_]) -> Blend:
    """Half trees, half a line: amounts and counts as logarithms, flags and codes as they are."""
    names = [f"x{at}" for at in range(matrix.shape[1])]
    transforms: dict[str, Transform] = {
        name: "signed_log" if at < NUMBERS else "identity" for at, name in enumerate(names)
    }
    whole = labels.astype(np.int64)
    return Blend(fit_line(matrix, whole, names, dict.fromkeys(names, 0), transforms, 7), 0.5)


def time_methods(
    methods: list[Method], matrix: Floats, repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Median rows a second of each method, in turns, and what each answered."""
    answers = {one.name: one.run(matrix[: one.rows]) for one in methods}
    seconds: dict[str, list[float]] = {one.name: [] for one in methods}
    for _ in range(repeats):
        for one in methods:
            started = time.process_time()
            one.run(matrix[: one.rows])
            seconds[one.name].append((time.process_time() - started) / one.rows)
    return {name: 1 / statistics.median(some) for name, some in seconds.items()}, answers


def compared(booster: lgb.Booster, matrix: Floats, slow: int) -> list[Method]:
    """Other libraries that are installed and take the model."""
    import shap

    warnings.filterwarnings("ignore", message="LightGBM binary classifier")
    found = [Method("shap", slow, shap.TreeExplainer(booster).shap_values)]
    try:
        import pandas as pd
        from woodelf import WoodelfExplainer

        other = WoodelfExplainer(booster)
        other.shap_values(pd.DataFrame(matrix[:10]))
        found.append(Method("woodelf", 20 * slow, lambda some: other.shap_values(pd.DataFrame(some))))
    except Exception as error:
        print(f"woodelf is left out: {type(error).__name__}: {error}", file=sys.stderr)
    return found


def single_milliseconds(run: Callable[[Floats], Any], matrix: Floats) -> float:
    """Median wall time of one row, another one each time, after warming up."""
    times = []
    for at in range(min(500, len(matrix))):
        started = time.perf_counter()
        run(matrix[at : at + 1])
        times.append(time.perf_counter() - started)
    return round(1_000 * statistics.median(times[len(times) // 10 :]), 4)


def largest(differences: Floats) -> float:
    """The largest absolute difference."""
    return float(np.max(np.abs(differences)))


def train(size: Size, matrix: Floats, labels: npt.NDArray[np.bool_]) -> lgb.Booster:
    """A model of the size asked for."""
    trees, shape = SIZES[size]
    parameters: dict[str, Any] = {
        "objective": "binary", "learning_rate": 0.05, "min_data_in_leaf": 40, "feature_fraction": 0.8,
        "verbosity": -1, "num_threads": 1, "seed": 1, **shape,
    }  # fmt: skip
    categories = list(range(NUMBERS + FLAGS, matrix.shape[1]))
    return lgb.train(parameters, lgb.Dataset(matrix, labels, categorical_feature=categories), trees)


def make_rows(rows: int, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """100 columns as households have them (money, counts, shares, spans, flags, categories), a rare outcome.

    Half of the numbers and three categories have missing values.
    """
    latent = rng.normal(size=(rows, 6))
    columns: list[Floats] = []

    def mixed(scale: float, noise: float) -> Floats:
        return np.asarray(latent @ rng.normal(0, scale, 6) + rng.normal(0, noise, rows))

    for number in range(28):
        money = np.round(np.exp(mixed(0.5, 0.7) + 6) / 10) * 10
        columns.append(np.where(rng.random(rows) < 0.45, 0, money) if number % 3 == 0 else money)
    for _ in range(20):
        columns.append(rng.poisson(np.clip(np.exp(mixed(0.35, 0) + 0.3), 0, 30)).astype(np.float64))
    for _ in range(16):
        columns.append(1 / (1 + np.exp(-mixed(0.6, 0.8))))
    for number in range(10):
        spans = rng.gamma(2, 14, rows) + 8 * latent[:, number % 6]
        columns.append(np.asarray(np.round(np.abs(spans)), dtype=np.float64))
    for _ in range(FLAGS):
        columns.append((mixed(0.4, 1.0) > rng.uniform(-0.5, 1.8)).astype(np.float64))
    for at, count in enumerate(CATEGORIES):
        drawn = rng.choice(count, rows, p=rng.dirichlet(np.ones(count)))
        columns.append(np.where(latent[:, at % 6] > 0.7, (drawn * 3 + 1) % count, drawn).astype(float))
    matrix = np.stack(columns, axis=1)
    numbers = matrix[:, :NUMBERS]
    scaled = np.clip((numbers - numbers.mean(0)) / (numbers.std(0) + 1e-6), -4, 4)
    drive = scaled @ (rng.normal(0, 0.28, NUMBERS) * (rng.random(NUMBERS) < 0.6))
    for _ in range(40):
        one, other = rng.integers(0, NUMBERS, 2)
        drive += 0.22 * rng.normal() * np.tanh(scaled[:, one]) * np.tanh(scaled[:, other])
    for at, count in enumerate(CATEGORIES):
        drive += rng.normal(0, 0.35, count)[matrix[:, NUMBERS + FLAGS + at].astype(int)]
    drive += rng.logistic(0, 0.9, rows)
    for column in (*range(1, NUMBERS, 2), *range(NUMBERS + FLAGS + 2, matrix.shape[1], 3)):
        matrix[rng.random(rows) < rng.uniform(0.03, 0.45), column] = np.nan
    return matrix, drive > np.quantile(drive, 0.97)


if __name__ == "__main__":
    typer.run(main)
