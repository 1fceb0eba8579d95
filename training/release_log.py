"""The release log: every change of the champion, appended once and never altered.

Entries are tags of the registered model: they live where the aliases live, whether the registry is a SQLite
file or a server, and travel with its backup. Each entry names the hash of the one before it: an altered,
removed or inserted entry breaks the chain. Whoever can rewrite the whole registry can rewrite the chain too;
against that, keep the hash that a promotion prints and give it to `find_faults` as the known head.
A tag's key holds the entry's own hash, so that two writers at once never overwrite each other.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scoring.errors import RegistryError
from scoring.registry import ABSENT, CHAMPION, MANIFEST_TAG, MODEL_NAME, connect, find_version, first_line
from training.errors import ReleaseError

PREFIX = "release."
FIRST = "0" * 64
"""What the first entry names as the hash before it."""

MOST_CHARACTERS = 5_000
"""What the registry's column for a tag holds."""

MOST_WORDS = 500
"""Characters of a reason."""

_ATTEMPTS, _GLIMPSES = 10, 3


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GateEntry(_Strict):
    """A gate as it stood: what was seen, what was asked for."""

    name: str
    passed: bool
    observed: float | str | None
    threshold: float | str | None


class Draft(_Strict):
    """One change of the champion, before it has its place in the log. `at` is UTC."""

    at: str
    by: str = Field(min_length=1, max_length=120)
    action: Literal["promote", "rollback"]
    from_version: str | None
    to_version: str
    release: str
    manifest_sha256: str
    why: str = Field(min_length=1, max_length=MOST_WORDS)
    gates: tuple[GateEntry, ...]
    overridden: tuple[str, ...] = ()


class Release(Draft):
    """An entry of the log: `previous` is the hash of the entry before it, `sha256` its own."""

    number: int = Field(ge=1)
    previous: str
    sha256: str

    @property
    def expected_sha256(self) -> str:
        """The hash of everything but the hash."""
        return hashlib.sha256(
            _canonical(self.model_dump(mode="json", exclude={"sha256"})).encode()
        ).hexdigest()

    @property
    def key(self) -> str:
        """The tag that holds it."""
        return f"{PREFIX}{self.number:06d}.{self.sha256[:16]}"


def current_user() -> str:
    """The name of the user of this process, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def append_release(draft: Draft, tracking_uri: str, after: str | None = None) -> Release:
    """Write the next entry; returns it as it stands in the log.

    With `after` it is written only behind the entry of that hash (`FIRST` for an empty log): what was decided
    on the log as it stood is not done on another. Raises `ReleaseError` when the log is broken already, has
    gone on, or others kept writing at the same time.
    """
    from mlflow.exceptions import MlflowException

    client = connect(tracking_uri)
    faults: list[str] = []
    for attempt in range(_ATTEMPTS):
        written = _read(client)
        faults = _chain_faults(written)
        if not faults:
            entries = [one for _, one in written if isinstance(one, Release)]
            last = entries[-1] if entries else None
            if after is not None and after != (last.sha256 if last else FIRST):
                raise ReleaseError("another release came in between: look at it and try again")
            release = _placed(draft, last)
            content = _canonical(release.model_dump(mode="json"))
            if len(content) > MOST_CHARACTERS:
                raise ReleaseError(
                    f"the entry is longer than {MOST_CHARACTERS} characters: give a shorter reason"
                )
            try:
                client.set_registered_model_tag(MODEL_NAME, release.key, content)
            except MlflowException as error:
                raise ReleaseError(f"the registry does not take the entry: {first_line(error)}") from None
            if not [key for key, _ in _read(client) if _number(key) == release.number and key != release.key]:
                return release
            # Somebody took the same place. Whoever sees it steps back, so that nobody's entry is lost.
            client.delete_registered_model_tag(MODEL_NAME, release.key)
        elif attempt >= _GLIMPSES:
            # Two at one place are seen for a moment while others step back; what stays is no such moment.
            raise ReleaseError(f"the release log is broken, nothing is added to it: {faults[0]}")
        time.sleep(random.uniform(0.05, 0.25) * (attempt + 1))
    raise ReleaseError("others keep writing to the release log: try again")


def read_releases(tracking_uri: str) -> list[Release]:
    """The entries that can be read, oldest first; `find_faults` tells whether they may be believed."""
    return [one for _, one in _read(connect(tracking_uri)) if isinstance(one, Release)]


def find_faults(tracking_uri: str, head: str | None = None) -> list[str]:
    """What is wrong with the log: broken chain, other manifests, a champion that no entry made.

    `head` is a hash from an earlier promotion, which the log must still hold.
    """
    client = connect(tracking_uri)
    written = _read(client)
    faults = _chain_faults(written)
    releases = [one for _, one in written if isinstance(one, Release)]
    if head is not None and head not in {one.sha256 for one in releases}:
        faults.append("the known head is not in the log: entries were removed or rewritten")
    faults += _registry_faults(client, releases)
    champion = find_version(CHAMPION, tracking_uri)
    last = releases[-1].to_version if releases else None
    if champion != last:
        faults.append(
            f"the champion is {_named(champion)}, by the log it is {_named(last)}: the alias was changed "
            "outside of the log, or a promotion was interrupted"
        )
    return faults


def head_of(releases: Sequence[Release]) -> str:
    """The hash of the last entry, `FIRST` where there is none."""
    return releases[-1].sha256 if releases else FIRST


def former_version(releases: Sequence[Release]) -> str | None:
    """The version that was champion before the present one, each rollback undone; `None` where none was."""
    stack: list[str] = []
    for one in releases:
        if not stack and one.from_version is not None:
            stack.append(one.from_version)
        if one.action == "rollback" and one.to_version in stack:
            del stack[stack.index(one.to_version) + 1 :]
        else:
            stack.append(one.to_version)
    return stack[-2] if len(stack) > 1 else None


def _placed(draft: Draft, before: Release | None) -> Release:
    placed = Release(
        **draft.model_dump(),
        number=before.number + 1 if before else 1,
        previous=before.sha256 if before else FIRST,
        sha256=FIRST,
    )
    return placed.model_copy(update={"sha256": placed.expected_sha256})


def _read(client: Any) -> list[tuple[str, Release | str]]:
    """Keys with their entry, or with what is wrong with it, in the order of the keys."""
    from mlflow.exceptions import MlflowException

    try:
        tags: Mapping[str, str] = client.get_registered_model(MODEL_NAME).tags
    except MlflowException as error:
        if error.error_code not in ABSENT:
            raise RegistryError(f"the registry does not answer: {first_line(error)}") from None
        raise ReleaseError(f"the registry has no model to have released: {first_line(error)}") from None
    found: list[tuple[str, Release | str]] = []
    for key in sorted(one for one in tags if one.startswith(PREFIX)):
        try:
            found.append((key, Release.model_validate_json(tags[key])))
        except ValidationError:
            found.append((key, f"{key} is not an entry of the known form"))
    return found


def _chain_faults(written: Sequence[tuple[str, Release | str]]) -> list[str]:
    faults = []
    previous, number = FIRST, 0
    for key, one in written:
        if isinstance(one, str):
            faults.append(one)
            continue
        if one.expected_sha256 != one.sha256:
            faults.append(f"entry {one.number} was altered: its hash is not that of its content")
        if key != one.key:
            faults.append(f"entry {one.number} stands under another key than its own")
        if one.number == number:
            faults.append(f"there are two entries {one.number}")
        elif one.number != number + 1:
            faults.append(f"entry {number + 1} is missing")
        elif one.previous != previous:
            faults.append(
                f"entry {one.number} does not follow the one before it: that was altered or replaced"
            )
        previous, number = one.sha256, one.number
    return faults


def _registry_faults(client: Any, releases: Sequence[Release]) -> list[str]:
    from mlflow.exceptions import MlflowException

    faults = []
    for one in releases:
        try:
            registered = client.get_model_version(MODEL_NAME, one.to_version).tags.get(MANIFEST_TAG)
        except MlflowException:
            faults.append(f"version {one.to_version} of entry {one.number} is no longer in the registry")
            continue
        if registered != one.manifest_sha256:
            faults.append(f"version {one.to_version} has another manifest than entry {one.number} released")
    return faults


def _number(key: str) -> int | None:
    digits = key.removeprefix(PREFIX).partition(".")[0]
    return int(digits) if digits.isdecimal() else None


def _named(version: str | None) -> str:
    return "no version" if version is None else f"version {version}"


def _canonical(found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


__all__ = [
    "Draft",
    "GateEntry",
    "Release",
    "append_release",
    "current_user",
    "find_faults",
    "former_version",
    "head_of",
    "read_releases",
]
