"""Tables on a screen or in a pipe: what has no space in it, such as an id, is there whole."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 160
LONGEST_WORD = 80
"""Columns of the longest id. What is longer without a space is a sentence in Chinese."""
SENTENCE_WIDTH = 24
"""Columns that a sentence has at least, where it is that long."""


def show_table(table: Table) -> None:
    """Print a table as wide as the terminal is, or wider where the words of its cells need it.

    An id that was cut can be given to no other command; a line that is too long the terminal folds.
    """
    for column in table.columns:
        cells = [str(cell) for cell in column.cells]
        # Sentences give way before words do.
        column.no_wrap = all(" " not in cell and cell_len(cell) <= LONGEST_WORD for cell in cells)
        column.min_width = min(SENTENCE_WIDTH, max(map(cell_len, cells), default=0))
        column.overflow = "fold"
    console = Console()
    width = console.width if console.is_terminal else max(console.width, PIPE_WIDTH)
    least = table.__rich_measure__(console, console.options.update(width=10_000)).minimum
    Console(width=max(width, least)).print(table)
