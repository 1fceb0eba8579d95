"""The pages that people read: every command is on its page, and every link leads somewhere."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = ROOT / "docs" / "reference" / "commands.md"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(found: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every command with the first paragraph of its help."""
    # typer has a click of its own, whose classes are not click's.
    if hasattr(found, "commands"):
        for name, one in sorted(found.commands.items()):
            yield from commands(one, (*words, name))
    else:
        yield " ".join(words), " ".join((found.help or "").split("\n\n")[0].split())


def sections(page: str) -> dict[str, list[str]]:
    """The rows of each section's table."""
    return {
        heading.strip("`"): [line for line in body.splitlines() if line.startswith("| `")]
        for heading, body in re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    }


@pytest.mark.parametrize("package", ["features", "training", "serving"])
def test_every_command_is_on_its_page_in_its_own_words(package: str) -> None:
    app = importlib.import_module(f"{package}.__main__").app
    expected = [f"| `{name}` | {said} |" for name, said in commands(get_command(app))]
    assert all(not one.endswith("|  |") for one in expected)
    assert sections(COMMANDS.read_text("utf-8"))[f"python -m {package}"] == expected


def test_the_help_of_the_service_begins_with_running_it_and_has_no_command_outside_a_panel() -> None:
    said = CliRunner().invoke(importlib.import_module("serving.__main__").app, ["--help"]).output
    panels = re.findall(r"^╭─ (.+?) ─", said, re.MULTILINE)
    assert panels == [
        "Options", "Run the service", "Score", "Change the model", "Who may see what", "Casework", "Keep and copy",
    ]  # fmt: skip


def test_every_benchmark_is_on_the_page_in_its_own_words() -> None:
    folder = ROOT / "benchmarks"
    there = {one.stem: one for one in folder.glob("*.py") if one.stem != "__init__"}
    there |= {one.parent.name: one for one in folder.glob("*/__main__.py")}
    expected = [f"| `{name}` | {said_by_main(there[name])} |" for name in sorted(there)]
    assert sections(COMMANDS.read_text("utf-8"))["python -m benchmarks.NAME"] == expected


def said_by_main(path: Path) -> str:
    """The first line of what `--help` says; read and not imported, because some need what is not installed."""
    for one in ast.parse(path.read_text("utf-8")).body:
        if isinstance(one, ast.FunctionDef) and one.name == "main":
            return (ast.get_docstring(one) or "").partition("\n")[0]
    raise AssertionError(f"{path.name} has no main")


def test_every_part_of_the_service_has_its_place_in_the_table() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = page.partition("## Find the place in serving\n")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+/|\w+\.py)`", table.partition("|---|---|")[2])
    there = {one.name for one in (ROOT / "serving").glob("[a-z]*.py")}
    there |= {f"{one.parent.name}/" for one in (ROOT / "serving").glob("*/__init__.py")}
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the forges make them."""
    found = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one)) for one in found)
    return {one.strip().lower().replace(" ", "-") for one in plain}


def test_the_glossary_has_every_word_once() -> None:
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE)
    words = [word for row in rows for word in row.split(", ")]
    assert len(words) > 200
    assert sorted(words) == sorted(set(words))
    # A word that has two meanings says of what it is, both times.
    bare = {word.partition(" (")[0] for word in words if " (" in word}
    assert bare & set(words) == set()


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / one.partition("#")[0]).resolve() for one in _LINK.findall(index.read_text("utf-8"))
    }
    assert set((ROOT / "docs").rglob("*.md")) - {index} - linked == set()
