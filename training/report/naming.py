"""Naming: what rankings and groups are called on pages; what has no name there keeps its own."""

from __future__ import annotations

from scoring.texts import catalogue
from training.report.plain_tables import title_of
from training.report.texts import words


def ranking_name(name: str, language: str) -> str:
    """What a ranking is called."""
    return str(words(language)["rankings"].get(name, name))


def grouping_name(by: str, language: str) -> str:
    """What a kind of group is called."""
    return str(words(language)["groupings"].get(by, title_of(by)))


def group_name(by: str, group: str, language: str) -> str:
    """What one group is called; causes by their official code and topic."""
    families = catalogue(language)["families"]
    if by == "cause" and group in families:
        return f"{group} {families[group]['topic']}"
    return str(words(language)["group_values"].get(group, group))
