"""The words of casework: visits, plans, corrections, and the sheet for the household. Zh first, en second."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

from scoring.texts import LANGUAGES


@cache
def case_texts(language: str) -> dict[str, Any]:
    """All words of a language; raises `KeyError` for a language there is none of."""
    if language not in LANGUAGES:
        raise KeyError(language)
    document = resources.files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(document)
    return loaded


def in_each(kind: str, code: str) -> dict[str, str]:
    """One word in every language, by its kind and code."""
    return {language: str(case_texts(language)[kind][code]) for language in LANGUAGES}
