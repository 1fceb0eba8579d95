"""All feature definitions, one file a theme. Adding a feature is one function in one of these files."""

import hashlib
from collections.abc import Iterable

from features.definitions import (
    accident,
    account,
    composition,
    disability,
    disaster,
    employment,
    guarantees,
    illness,
    income,
    neighbourhood,
    production,
    schooling,
)
from features.language import Feature

FEATURES: dict[str, Feature] = {
    one.name: one
    for theme in (
        composition,
        income,
        account,
        production,
        employment,
        illness,
        disability,
        disaster,
        accident,
        schooling,
        guarantees,
        neighbourhood,
    )
    for one in vars(theme).values()
    if isinstance(one, Feature)
}
"""Every feature by name, in the order people read them."""


def feature_version(features: Iterable[Feature] | None = None) -> str:
    """A short hash over names, units and expressions: equal versions compute equal vectors."""
    digest = hashlib.sha256()
    for one in FEATURES.values() if features is None else features:
        digest.update(f"{one.name}|{one.unit}|{one.expression!r}\n".encode())
    return digest.hexdigest()[:12]


__all__ = ["FEATURES", "feature_version"]
