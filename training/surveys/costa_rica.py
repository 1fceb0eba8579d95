"""Costa Rica (Inter-American Development Bank): four classes of poverty, by macro-F1 over household heads.

The task of a public leaderboard: 1 extreme poverty, 2 moderate, 3 vulnerable, 4 none. One row a household
(its head) with what its members are, so that no household is on both sides of a fold. Macro-F1 counts rare
classes as much as the common one: how far the classes' shares are undone is chosen inside the training folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.errors import DataError

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]

FILE = "train.csv"
TARGET, HOUSEHOLD, HEAD, SCHOOLING = "Target", "idhogar", "parentesco1", "meaneduc"
CLASSES = 4
FOLDS = 5
SEEDS = (0, 1, 2)
STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the classes' log shares that may be given back to margins learned with balanced weights."""

WORDED = {"yes": 1.0, "no": 0.0}
"""Words among numbers of `dependency`, `edjefe` and `edjefa`; the codebook gives them these values."""

LADDERS = {
    "wall": ("epared1", "epared2", "epared3"),
    "roof": ("etecho1", "etecho2", "etecho3"),
    "floor": ("eviv1", "eviv2", "eviv3"),
    "schooling": tuple(f"instlevel{level}" for level in range(1, 10)),
}
"""Steps from worst to best that the file writes as one column each."""

OF_MEMBERS = ("escolari", "age", "rez_esc", "dis", "male", *LADDERS["schooling"])
REQUIRED = (
    "Id", TARGET, HOUSEHOLD, HEAD, SCHOOLING, "dependency", "edjefe", "edjefa", "hhsize", "rooms", "bedrooms",
    "qmobilephone", "v2a1", "v18q1", "hogar_adul", *(one for steps in LADDERS.values() for one in steps),
    *OF_MEMBERS[:5],
)  # fmt: skip

PARAMETERS: dict[str, Any] = {
    "objective": "multiclass",
    "num_class": CLASSES,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
ROUNDS = 100
"""More rounds or larger trees gave less on the folds; chosen among seven settings on three seeds."""

BAGS = 4


@dataclass(frozen=True)
class ClassComparison:
    """Macro-F1 of each model, one number for each seed of the folds."""

    n: int
    folds: int
    seeds: tuple[int, ...]
    macro_f1: dict[str, tuple[float, ...]]

    def as_json(self) -> dict[str, Any]:
        """``{"n", "folds", "seed", "seeds", "macro_f1": {name: mean}, "by_seed", "spread"}``."""
        return {
            "n": self.n,
            "folds": self.folds,
            "seed": self.seeds[0],
            "seeds": list(self.seeds),
            "macro_f1": {name: float(np.mean(found)) for name, found in self.macro_f1.items()},
            "by_seed": {name: list(found) for name, found in self.macro_f1.items()},
            "spread": {name: float(np.ptp(found)) for name, found in self.macro_f1.items()},
        }


def compare_costa_rica(
    data: Path, seeds: tuple[int, ...] = SEEDS, progress: Progress | None = None
) -> ClassComparison:
    """Out of fold over household heads, once for each seed; raises `DataError` where the file will not do."""
    vectors, classes = read_heads(data)
    found: dict[str, list[float]] = {"naive": [], "simple": [], "ours": []}
    done = 0
    for seed in seeds:
        told = {name: np.zeros(len(classes), dtype=np.int64) for name in found}
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        for learn, held in splitter.split(vectors, classes):
            past, future = vectors.iloc[learn], vectors.iloc[held]
            told["naive"][held] = _by_schooling(past, classes[learn], future)
            told["simple"][held] = _by_logistic(past, classes[learn], future)
            told["ours"][held] = _by_trees(past, classes[learn], future, seed)
            done += 1
            if progress:
                progress("fitting", done, FOLDS * len(seeds))
        for name, classes_told in told.items():
            found[name].append(macro_f1(classes, classes_told))
    return ClassComparison(len(classes), FOLDS, seeds, {name: tuple(one) for name, one in found.items()})


def macro_f1(classes: Classes, told: Classes) -> float:
    """The mean of the four classes' F1, each counted alike; a class that is never told has 0."""
    return float(f1_score(classes, told, labels=range(CLASSES), average="macro", zero_division=0.0))


def read_heads(data: Path) -> tuple[pd.DataFrame, Classes]:
    """Vectors of households (index: household) and their classes from 0; raises `DataError`."""
    path = data / FILE
    if not path.is_file():
        raise DataError(f"there is no file {path}: give the folder with {FILE}")
    try:
        people = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise DataError(f"{path} cannot be read as a CSV table") from None
    missing = sorted(set(REQUIRED) - set(people.columns))
    if missing:
        raise DataError(f"{FILE} lacks the columns {', '.join(missing[:8])}")
    if not people[TARGET].isin(range(1, CLASSES + 1)).all():
        raise DataError(f"{TARGET} of {FILE} holds other classes than 1, 2, 3 and 4")
    for name in ("dependency", "edjefe", "edjefa"):
        people[name] = pd.to_numeric(people[name].replace(WORDED), errors="coerce")
    heads = people[people[HEAD] == 1].set_index(HOUSEHOLD)
    if heads.index.duplicated().any():
        raise DataError(f"{FILE} has a household with two heads")
    classes = heads[TARGET].to_numpy(dtype=np.int64) - 1
    if np.bincount(classes, minlength=CLASSES).min() < FOLDS:
        raise DataError(f"{FILE} has fewer than {FOLDS} household heads of some class")
    return _vectors(people, heads), classes


def _vectors(people: pd.DataFrame, heads: pd.DataFrame) -> pd.DataFrame:
    """The head's own columns without the file's squares, ladders as one number, shares, and the members."""
    squares = [name for name in heads.columns if name.startswith("SQB") or name == "agesq"]
    own = heads.drop(columns=["Id", TARGET, *squares]).astype("float64")
    added = {name: heads[list(steps)].to_numpy().argmax(axis=1) for name, steps in LADDERS.items()}
    size = heads["hhsize"].clip(lower=1)
    made = pd.DataFrame(
        {
            **added,
            "house_quality": added["wall"] + added["roof"] + added["floor"],
            "members_per_room": size / heads["rooms"].clip(lower=1),
            "members_per_bedroom": size / heads["bedrooms"].clip(lower=1),
            "phones_per_member": heads["qmobilephone"] / size,
            "tablets_per_member": heads["v18q1"].fillna(0) / size,
            "rent_per_member": heads["v2a1"] / size,
            "rent_per_room": heads["v2a1"] / heads["rooms"].clip(lower=1),
            "adult_share": heads["hogar_adul"] / size,
            "schooling_by_age": heads["escolari"] / heads["age"].clip(lower=1),
        },
        index=heads.index,
    )
    members = people.groupby(HOUSEHOLD)[list(OF_MEMBERS)].agg(["mean", "max", "min", "sum", "std"])
    members.columns = pd.Index(["_".join(("members", *one)) for one in members.columns.to_flat_index()])
    adults = people[people["age"] >= 18].groupby(HOUSEHOLD)["escolari"].agg(["mean", "max", "min"])
    vectors = pd.concat(
        [own, made, members.reindex(heads.index), adults.add_prefix("adult_schooling_").reindex(heads.index)],
        axis=1,
    ).astype("float64")
    return vectors.loc[:, vectors.nunique() > 1]


def _by_schooling(past: pd.DataFrame, classes: Classes, future: pd.DataFrame) -> Classes:
    """The naive rule: least schooling first, cut where the training side's shares of the classes are."""
    level = past[SCHOOLING].fillna(past[SCHOOLING].median())
    cuts = np.quantile(level, np.cumsum(np.bincount(classes, minlength=CLASSES))[:-1] / len(classes))
    return np.searchsorted(cuts, future[SCHOOLING].fillna(level.median()), side="right").astype(np.int64)


def _by_logistic(past: pd.DataFrame, classes: Classes, future: pd.DataFrame) -> Classes:
    line = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000),
    )
    return np.asarray(line.fit(past.to_numpy(), classes).predict(future.to_numpy()), dtype=np.int64)


def _by_trees(past: pd.DataFrame, classes: Classes, future: pd.DataFrame, seed: int) -> Classes:
    """Balanced trees; what of the shares they give back is chosen by folds of the training side."""
    matrix = past.to_numpy()
    margins = np.empty((len(classes), CLASSES))
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for learn, held in splitter.split(matrix, classes):
        margins[held] = _margins(matrix[learn], classes[learn], matrix[held], bags=1)
    shares = np.log(np.bincount(classes, minlength=CLASSES) / len(classes))
    scores = [macro_f1(classes, (margins + strength * shares).argmax(axis=1)) for strength in STRENGTHS]
    # The best strength is partly luck: the mean of the best three is steadier.
    order = np.argsort(scores)[::-1][:3]
    strength = float(np.mean(np.array(STRENGTHS)[order]))
    told = _margins(matrix, classes, future.to_numpy(), bags=BAGS) + strength * shares
    return np.asarray(told.argmax(axis=1), dtype=np.int64)


def _margins(past: Floats, classes: Classes, future: Floats, bags: int) -> Floats:
    counts = np.bincount(classes, minlength=CLASSES)
    weights = (len(classes) / CLASSES / counts)[classes]
    data = lgb.Dataset(past, classes, weight=weights, params=PARAMETERS, free_raw_data=False)
    found = [lgb.train({**PARAMETERS, "seed": bag}, data, ROUNDS).predict(future) for bag in range(bags)]
    return np.asarray(np.log(np.clip(np.mean(found, axis=0), 1e-4, 1.0)), dtype=np.float64)


def print_classes(compared: ClassComparison, console: Console) -> None:
    """Print one row a model: the mean over seeds and each seed's number."""
    table = Table(
        title=f"Costa Rica, {compared.n:,} household heads, {compared.folds} folds", title_justify="left"
    )
    for name in ("model", "macro-F1", *(f"seed {seed}" for seed in compared.seeds)):
        table.add_column(name, justify="left" if name == "model" else "right")
    titles = {"naive": "least schooling first", "simple": "logistic regression, balanced", "ours": "ours"}
    for name, found in compared.macro_f1.items():
        table.add_row(titles[name], f"{np.mean(found):.4f}", *(f"{one:.4f}" for one in found))
    console.print(table)
