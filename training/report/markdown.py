"""Markdown: paragraphs and tables as text, for those who keep their papers in a repository."""

from __future__ import annotations

from collections.abc import Iterable

from training.report.figures import Cell, Figure, Paragraph, Table
from training.report.page import Section


def render_markdown(title: str, sections: Iterable[Section]) -> str:
    """Sections under a title; of a chart its table."""
    blocks = [f"# {_plain(title)}"]
    for one in sections:
        blocks.append(f"## {_plain(one.title)}")
        blocks += [_block(part) for part in one.parts]
    return "\n\n".join(blocks) + "\n"


def _block(part: Paragraph | Table | Figure) -> str:
    if isinstance(part, Paragraph):
        return _cell(part.parts)
    table = part.table if isinstance(part, Figure) else part
    rows = [table.columns, *table.rows]
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(table.columns)}")
    return "\n".join([f"**{_plain(table.title)}**", "", *lines])


def _cell(cell: Cell) -> str:
    return _plain("".join(map(str, cell)) if isinstance(cell, tuple) else str(cell))


def _plain(said: str) -> str:
    """Text in which nothing is markup: neither a table's bars nor HTML."""
    for sign in "\\|<>*_`#[]":
        said = said.replace(sign, f"\\{sign}")
    return said.replace("\n", " ")
