"""Whose tokens are taken and what their claims mean here: one file, read and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from features.errors import FeaturesError
from serving.access.caller import Role
from serving.access.scope import ALL_AREAS, Scope
from serving.errors import SettingsError

MOST_SKEW_SECONDS = 300
_KEYS = {"issuer", "audience", "keys", "role_claim", "roles", "area_claim", "areas", "skew_seconds"}
_NEEDED = ("issuer", "audience", "keys", "roles")


@dataclass(frozen=True)
class TokenRules:
    """An identity provider as this service knows it.

    `roles` gives the role of a value of the claim `role_claim`; `areas` the code of a value of `area_claim`,
    or is `None` where the claim is the code itself. A claim inside another is written with dots.
    `skew_seconds` is how far the provider's clock may be off.
    """

    issuer: str
    audience: str
    keys: str
    roles: Mapping[str, Role]
    role_claim: str = "role"
    area_claim: str = "area"
    areas: Mapping[str, str] | None = None
    skew_seconds: int = 60

    @classmethod
    def load(cls, path: Path) -> TokenRules:
        """The rules of a YAML file; raises `SettingsError` that names what is wrong in it."""
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise _wrong(path, f"it cannot be read as YAML ({type(error).__name__})") from None
        if not isinstance(document, dict):
            raise _wrong(path, f"it has to have the keys {', '.join(_NEEDED)}")
        for name in _NEEDED:
            if not document.get(name):
                raise _wrong(path, f"{name} is missing")
        if unknown := set(document) - _KEYS:
            raise _wrong(path, f"{len(unknown)} keys are none of {', '.join(sorted(_KEYS))}")
        texts = {
            name: document[name] for name in _KEYS - {"roles", "areas", "skew_seconds"} if name in document
        }
        for name, value in texts.items():
            if not isinstance(value, str):
                raise _wrong(path, f"{name} has to be a text")
        return cls(
            roles=_roles(path, document["roles"]),
            areas=_areas(path, document.get("areas")),
            skew_seconds=_skew(path, document.get("skew_seconds", 60)),
            **texts,
        )


def _roles(path: Path, given: Any) -> dict[str, Role]:
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given):
        raise _wrong(path, "roles has to give a role for each value of the claim")
    wrong = [one for one in given.values() if one not in list(Role)]
    if wrong:
        raise _wrong(path, f"roles: give one of {', '.join(Role)}")
    return {value: Role(role) for value, role in given.items()}


def _areas(path: Path, given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    is_texts = isinstance(given, dict) and all(isinstance(one, str) for pair in given.items() for one in pair)
    if not is_texts:
        raise _wrong(path, "areas has to give a code in quotes for each value of the claim")
    for code in given.values():
        try:
            Scope.of(code)
        except FeaturesError:
            raise _wrong(path, f"areas: give area codes, or {ALL_AREAS} for everywhere") from None
    return dict(given)


def _skew(path: Path, given: Any) -> int:
    if type(given) is not int or not 0 <= given <= MOST_SKEW_SECONDS:
        raise _wrong(path, f"skew_seconds has to be a whole number from 0 to {MOST_SKEW_SECONDS}")
    return given


def _wrong(path: Path, why: str) -> SettingsError:
    return SettingsError(f"FANGFAN_TOKENS_FILE {path}: {why}")
