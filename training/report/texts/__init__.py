"""The words of reports, cards and records, Chinese and English: one catalogue, the same keys in both."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def words(language: str) -> dict[str, Any]:
    """All words of a language, ``zh`` or ``en``."""
    text = resources.files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found
