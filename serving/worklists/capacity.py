"""The visit capacity that lists are cut by: the operator's, or that of the model that scored."""

from __future__ import annotations

from pathlib import Path

from scoring.bundle import Manifest, read_manifest
from scoring.capacity import Capacity, Quota
from scoring.errors import BundleError
from serving.errors import ServingError

VILLAGE = "village"


def get_capacity(version: str, share: float | None, folders: list[Path]) -> Capacity:
    """A share of the households, where the operator gives one; else what the model's manifest says.

    `folders` hold a bundle each, or bundles by version. Raises `ServingError` where nothing says it.
    """
    if share is not None:
        if not 0 < share < 1:
            raise ServingError("--share: give a share of the households between 0 and 1")
        return Capacity(Quota(share=share), VILLAGE)
    manifest = find_manifest(version, folders)
    if manifest is None:
        raise ServingError(
            f"the bundle of {version} is not at hand: give --bundle, or FANGFAN_MODELS_DIR as the service "
            "has it, or --share, the share of the households that can be visited"
        )
    if manifest.capacity is None:
        raise ServingError(
            f"the bundle of {version} was made before bundles told their visit capacity: give --share, the "
            "share of the households that can be visited"
        )
    return manifest.capacity.capacity()


def find_manifest(version: str, folders: list[Path]) -> Manifest | None:
    """The manifest of a version, if one of the folders has it."""
    for folder in folders:
        for place in (folder, folder / Path(version).name):
            try:
                found = read_manifest(place)
            except (BundleError, OSError):
                continue
            if found.version == version:
                return found
    return None
