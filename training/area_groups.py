"""Area groups: areas that are a group by name, such as the remote villages, as whoever knows the place says.

``area_groups.yaml`` beside the outcomes holds lists of area codes in quotes by name, as ``groups.areas`` of
an experiment file does; of a name that stands in both, the experiment's codes count.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from features.regions import AREA_LEVELS
from training.errors import ExperimentError
from training.experiment_text import read_settings
from training.keys import area_codes

NamedAreas = tuple[tuple[str, tuple[str, ...]], ...]
"""(name, area codes), in order."""

AREA_GROUPS_FILE = "area_groups.yaml"


def named_areas(where: str, raw: Any) -> NamedAreas:
    """Area codes by name, checked; raises `ExperimentError`."""
    if not isinstance(raw, dict) or not all(
        isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,29}", name) for name in raw
    ):
        raise ExperimentError(f"{where} holds lists of area codes by name: small letters, digits and _")
    return tuple((name, area_codes(f"{where}.{name}", codes, AREA_LEVELS)) for name, codes in raw.items())


def load_area_groups(data: Path) -> NamedAreas | None:
    """The groups of a data folder; None where it says nothing of them. Raises `ExperimentError`."""
    path = data / AREA_GROUPS_FILE
    if not path.is_file():
        return None
    return named_areas(AREA_GROUPS_FILE, read_settings(path))


def save_area_groups(groups: NamedAreas, data: Path) -> None:
    """Write the groups beside the outcomes."""
    plain = {name: list(codes) for name, codes in groups}
    text = yaml.safe_dump(plain, default_flow_style=False, sort_keys=False)
    (data / AREA_GROUPS_FILE).write_text(text, encoding="utf-8", newline="\n")
