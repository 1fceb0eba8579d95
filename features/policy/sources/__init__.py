"""Where policy numbers are from, in English: the policy files say it in the words of the documents.

Kept apart from those files: a translation changes no number, and `policy_version` is that of the numbers.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml


def source_text(source: str, language: str) -> str:
    """A source in a language; as it stands where it has no translation, as of an entry that has left."""
    return source if language == "zh" else english_sources().get(source, source)


@cache
def english_sources() -> dict[str, str]:
    """The English of every source that is written in Chinese."""
    document = resources.files(__package__).joinpath("en.yaml").read_text(encoding="utf-8")
    loaded: dict[str, str] = yaml.safe_load(document)
    return loaded
