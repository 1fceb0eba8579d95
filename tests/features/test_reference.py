"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from features import FEATURES
from features.language.formula import formula
from features.policy import parameters
from features.policy.measures import measures
from features.reference import reference_pages
from features.signals import CONTRACTS
from features.signals.defects import defect_kinds

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize(
    "name", ["features.md", "language.md", "signals.md", "defects.md", "policy.md", "measures.md"]
)
def test_no_page_is_stale(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == reference_pages()[name], "run `.venv/bin/python -m features reference`"


def test_everything_is_on_its_page() -> None:
    pages = reference_pages()
    # The others are written by hand, and held by tests/training/evaluation, tests/serving/access, …/identity,
    # …/operations and tests/test_documentation.py.
    assert {path.name for path in FOLDER.glob("*.md")} == {
        *pages,
        "evaluation.md",
        "access.md",
        "commands.md",
        "identities.md",
        "metrics.md",
    }
    for one in FEATURES.values():
        assert f"### `{one.name}`" in pages["features.md"]
        assert one.zh in pages["features.md"]
    for contract in CONTRACTS.values():
        assert f"## `{contract.name}`" in pages["signals.md"]
        assert all(f"| {field.surface} |" in pages["signals.md"] for field in contract.fields)
        assert all(f"| {field.surface} |" in pages["signals.md"] for field in contract.checked)
    assert all(f"| `{code}` |" in pages["defects.md"] for code in defect_kinds())
    assert all(f"## `{name}`" in pages["policy.md"] for name in parameters())
    assert "**assumption**" in pages["policy.md"]
    assert all(f"### `{code}` {one.zh}" in pages["measures.md"] for code, one in measures().items())
    assert pages["measures.md"].count("**assumption**") == sum(
        entry.is_assumption
        for one in measures().values()
        for entries in one.regions.values()
        for entry in entries
    )


def test_formulas_read_as_written() -> None:
    wages = formula(FEATURES["income_wages_change_yuan_6m"].expression)
    assert wages == (
        "([sum of income of amount where (source = wages), last 6 months] − "
        "[sum of income of amount where (source = wages), 12 to 6 months before the date])"
    )
    gap = formula(FEATURES["income_gap_to_line_share_12m"].expression)
    assert gap.startswith("(greatest(0, ((monitoring_line × [count of member")
