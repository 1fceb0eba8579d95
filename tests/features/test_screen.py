"""Tables for people: an id is never cut, however narrow the screen."""

from __future__ import annotations

import pytest
from rich.table import Table

from features.screen import show_table

IDS = ["wh_0123456789abcdef", "https://alerts.county.example/hooks/of/the/office"]


@pytest.mark.parametrize("terminal", ["", "1"], ids=["pipe", "terminal"])
def test_words_are_whole_at_80_columns(
    terminal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    table = Table(*(f"column {one}" for one in range(9)))
    table.add_row(*IDS, *["first_version_of_a_model"] * 6, "a reason that may stand on several lines " * 9)
    show_table(table)
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert [one for one in IDS if one not in shown] == []


def test_a_table_that_fits_is_as_wide_as_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = Table("name", "count")
    table.add_row("all", "7")
    show_table(table)
    assert {len(line) for line in capsys.readouterr().out.splitlines()} == {16}


def test_an_empty_table_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(Table("name", "count"))
    assert "name" in capsys.readouterr().out
