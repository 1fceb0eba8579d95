"""What the service itself writes into the release log: codes there, in words wherever they are read."""

from __future__ import annotations

from scoring.texts import LANGUAGES

SERVICE = "service"
"""Who made a release that nobody asked for by hand."""
REGISTRY_CHAMPION = "registry_champion"
"""Why it was made, where nobody gave a reason."""

_BY = {SERVICE: ("系统自动", "the service itself")}
_WHY = {REGISTRY_CHAMPION: ("模型登记库中的首选版本", "the registry's champion")}


def by_text(by: str, language: str) -> str:
    """Who made a release, Chinese (``zh``) or English (``en``); a person's words as they were typed."""
    return _said(_BY, by, language)


def why_text(why: str, language: str) -> str:
    """Why a release was made, likewise."""
    return _said(_WHY, why, language)


def why_texts(why: str) -> dict[str, str] | None:
    """A reason of the service's own in every language; `None` for a person's words."""
    return {language: why_text(why, language) for language in LANGUAGES} if why in _WHY else None


def _said(words: dict[str, tuple[str, str]], told: str, language: str) -> str:
    zh, en = words.get(told, (told, told))
    return zh if language == "zh" else en
