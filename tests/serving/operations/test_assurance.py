"""The pages that people rely on: tests that they name exist, the assessment has what the law asks for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXPLANATION = ROOT / "docs" / "explanation"
THREATS = (EXPLANATION / "threat-model.md").read_text(encoding="utf-8")
IMPACT = (EXPLANATION / "impact-assessment.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", THREATS)))


def rows(page: str, heading: str) -> list[list[str]]:
    """The rows of the tables below a heading, without their heads."""
    part = page.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [one for one in part.splitlines() if one.startswith("|")]
    return [[cell.strip() for cell in one.strip("|").split(" | ")] for one in lines[2:]]


def test_the_threat_model_names_many_tests() -> None:
    assert len(NAMED) >= 35


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_a_test_that_is_named_is_there(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    there = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    assert [name for at, name in NAMED if at == path and name not in there] == []


@pytest.mark.parametrize(
    "heading",
    [
        "Spoofing", "Tampering", "Repudiation", "Information disclosure", "Denial of service",
        "Elevation of privilege",
    ],
)  # fmt: skip
def test_every_threat_has_a_test_or_says_that_it_has_none(heading: str) -> None:
    found = rows(THREATS, heading)
    assert len(found) >= 3
    for one in found:
        assert len(one) == 3, one
        assert one[2].startswith(("`tests/", "no test")), one


@pytest.mark.parametrize(
    "article",
    [
        "第五十五条",
        "第五十六条",
        "第二十四条",
        "第二十八条",
        "第十三条",
        "第十九条",
        "第五十七条",
        "第三十一条",
    ],
)
def test_the_assessment_has_what_the_law_asks_for(article: str) -> None:
    assert article in IMPACT


def test_the_assessment_leaves_open_what_is_the_offices() -> None:
    """What no software can know is marked, and the page says that it is unfinished without it."""
    assert IMPACT.count("〔待定〕") >= 12
    for heading in ("二、", "三、", "四、", "五、", "六、", "七、", "八、"):
        assert f"\n## {heading}" in IMPACT
    risks = rows(IMPACT, "四、对个人权益的影响与风险 Effects and risks")
    assert len(risks) >= 8
    assert all(len(one) == 5 and one[1] in "低中高" and one[2] in "低中高" for one in risks)


LINKS = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
PAGES = (
    "docs/explanation/threat-model.md", "docs/explanation/impact-assessment.md", "docs/how-to/run-the-service.md",
    "docs/reference/metrics.md",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    found = LINKS.findall((ROOT / page).read_text(encoding="utf-8"))
    assert found
    assert [one for one in found if not ((ROOT / page).parent / one).exists()] == []
