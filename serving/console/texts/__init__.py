"""The console's own words, one catalogue a language. Reasons and grades come from `scoring.texts`."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from scoring.texts import LANGUAGES

COLON = {"zh": "：", "en": ": "}
"""What stands between a name and what is said of it."""
BRACKETS = {"zh": "{}（{}）", "en": "{} ({})"}
"""A name, and what tells it apart or says more."""


@cache
def texts(language: str) -> dict[str, str]:
    """The console's texts; raises `KeyError` for a language there is none of."""
    if language not in LANGUAGES:
        raise KeyError(language)
    document = resources.files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, str] = yaml.safe_load(document)
    return loaded
