"""Adding a feature is one function in one file: in a copy of the packages, with nothing else touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ADDED = '''

@feature(
    "近18个月门诊次数",
    "outpatient settlements, last 18 months",
    unit="count",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_outpatient_count_18m(illness: View) -> Expr:
    """Settled outpatient treatments. Source: DOMAIN §3."""
    return illness.where(care="outpatient").last(months=18).count()
'''

# The same parity that every feature is held to, and the words a person reads of it.
USED = """
from features import FEATURES, RowEngine, catalogue
from features.errors import ContractError
from scoring.reasons import feature_label
from tests.features.test_parity import check_parity
from tests.features.worlds import AS_OF_DATES, make_world

added = FEATURES["illness_outpatient_count_18m"]
seen = set()
for seed, as_of in enumerate(AS_OF_DATES * 3):
    world = make_world(seed, as_of)
    engine = RowEngine([added])
    check_parity(world, as_of, [added], engine)
    for household in world.rows:
        try:
            seen.add(engine.vector(world.of_household(household), as_of, world.coverage())[0])
        except ContractError:
            continue
assert len({one for one in seen if one == one}) > 2, seen
assert catalogue().loc[added.name, "window_months"] == 18
for language in ("zh", "en"):
    print(feature_label(added.name, language))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with one function more in one file."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("features", "scoring", "tests"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "features" / "definitions" / "illness.py").open("a", encoding="utf-8") as file:
        file.write(ADDED)
    return folder


def run(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env={"PYTHONPATH": str(folder), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_one_function_is_all_it_takes(copy: Path) -> None:
    labels = run(copy, "-c", USED)
    assert labels.split("\n")[:2] == ["近18个月门诊次数", "outpatient settlements, last 18 months"]


def test_the_command_line_and_the_reference_know_it(copy: Path) -> None:
    explained = run(copy, "-m", "features", "explain", "illness_outpatient_count_18m")
    assert "outpatient settlements, last 18 months" in explained
    assert "SELECT" in explained
    run(copy, "-m", "features", "reference")
    page = (copy / "docs" / "reference" / "features.md").read_text(encoding="utf-8")
    assert "illness_outpatient_count_18m" in page


def test_the_copy_is_what_ran(copy: Path) -> None:
    where = run(copy, "-c", "import features, scoring; print(features.__file__, scoring.__file__)")
    assert all(one.startswith(str(copy)) for one in where.split())
