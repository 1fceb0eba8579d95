"""The words of reports, cards and records, Chinese and English: one catalogue, the same keys in both."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def words(language: str) -> dict[str, Any]:
    """All words of a language, ``zh`` or ``en``."""
    return _read(f"{language}.yaml")


@cache
def section_words(section: str) -> dict[str, Any]:
    """The English words of a section that only a scientist reads."""
    found: dict[str, Any] = _read("sections.yaml")[section]
    return found


def _read(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
