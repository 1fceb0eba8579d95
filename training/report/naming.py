"""Naming: what rankings and groups are called on pages; what has no name there keeps its own."""

from __future__ import annotations

from features import FEATURES
from features.signals import CONTRACTS
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


def theme_name(theme: str, language: str) -> str:
    """What a theme of the outlook is called."""
    return str(catalogue(language)["themes"].get(theme, theme))


def feature_name(name: str, language: str) -> str:
    """What a feature is called; the score itself, where a model reads it, is no feature."""
    if name == "log_odds":
        return str(words(language)["names"]["log_odds"])
    feature = FEATURES.get(name)
    return title_of(name) if feature is None else str(getattr(feature, language))


def feed_name(feed: str, language: str) -> str:
    """What a department's feed is called."""
    contract = CONTRACTS.get(feed)
    return title_of(feed) if contract is None else str(getattr(contract, language))
