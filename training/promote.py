"""Promote and roll back: which registered version serves, by whom, why, and past which gates."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from scoring.bundle import Manifest
from scoring.errors import ScoringError
from scoring.registry import check_store, fetch_report, fetch_version, find_champion, set_champion
from training.errors import GateError, ReleaseError
from training.gates import Evidence, Gate, run_gates
from training.release_log import (
    MOST_WORDS,
    Draft,
    GateEntry,
    Release,
    append_release,
    current_user,
    former_version,
    head_of,
    read_releases,
)

FOR_PASSING = "passed every gate"


@dataclass(frozen=True)
class Promotion:
    """A version that became champion, or with `dry_run` could; the one it replaced; the gates and the entry.

    `entry` is `None` where nothing was changed; `after` is the head of the release log that was looked at.
    """

    version: str
    release: str
    former: str | None
    gates: tuple[Gate, ...]
    manifest_sha256: str
    entry: Release | None = None
    after: str | None = None

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that speak against it."""
        return tuple(one for one in self.gates if not one.passed)

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "version": self.version,
            "release": self.release,
            "former": self.former,
            "is_champion": self.entry is not None,
            "gates": [one.as_json() for one in self.gates],
            "entry": None if self.entry is None else self.entry.model_dump(mode="json"),
        }


def try_gates(version: str, tracking_uri: str) -> Promotion:
    """What a promotion of a version would meet; changes nothing.

    Raises `RegistryError` for an unknown version, `BundleError` for altered files, `GateError` for a version
    without a report.
    """
    check_store(tracking_uri)
    after = head_of(read_releases(tracking_uri))
    with tempfile.TemporaryDirectory() as scratch:
        bundle, report = fetch_version(version, tracking_uri, Path(scratch) / "candidate")
        if report is None:
            raise GateError(f"version {version} was registered without a report: train it anew with `run`")
        champion = find_champion(tracking_uri)
        theirs, note = None, "there is no champion to compare with"
        if champion == version:
            note = "it is the champion"
        elif champion is not None:
            try:
                found = fetch_report(champion, tracking_uri, Path(scratch) / "champion")
                theirs = None if found is None else _read(found)
                note = f"the champion, version {champion}, has no report"
            except ScoringError as error:
                # A champion whose files are harmed must not keep its successor out.
                note = f"the champion, version {champion}, could not be compared with: {error}"
        today = dt.datetime.now(dt.UTC).date()
        doc = _read(report)
        check_belongs(doc, bundle.manifest)
        gates = run_gates(Evidence(bundle, doc, theirs, today, note))
    return Promotion(version, bundle.manifest.version, champion, gates, bundle.sha256, after=after)


def check_belongs(report: Mapping[str, Any], manifest: Manifest) -> None:
    """Raise `GateError` where a report is of another model than the bundle: its gates would tell nothing."""
    run, golden = report.get("run"), report.get("golden")
    named = run.get("version") if isinstance(run, dict) else None
    scores = golden.get("scores") if isinstance(golden, dict) else None
    if named != manifest.version or scores != manifest.golden.scores:
        raise GateError(
            f"the report beside the bundle is not that of {manifest.version}: train it anew with `run`"
        )


def promote(
    version: str,
    tracking_uri: str,
    override: str | None = None,
    *,
    by: str | None = None,
    why: str | None = None,
) -> Promotion:
    """Make a registered version the champion and write that into the release log.

    Raises `GateError` naming the gates it failed, unless `override` gives a reason; the reason and the gates
    are kept in the log. `by` is the user of the process unless given.
    """
    return promote_tried(try_gates(version, tracking_uri), tracking_uri, override, by=by, why=why)


def promote_tried(
    tried: Promotion,
    tracking_uri: str,
    override: str | None = None,
    *,
    by: str | None = None,
    why: str | None = None,
) -> Promotion:
    """The same, of a version whose gates were just tried."""
    if tried.failed and not override:
        raise GateError(f"{tried.release} may not be promoted: {say_failed(tried.failed)}")
    if override and not tried.failed:
        raise GateError("there is nothing to override: every gate is passed; say --why instead")
    return _release(tried, "promote", tracking_uri, by, override or why or FOR_PASSING)


def rollback(
    tracking_uri: str,
    to: str | None = None,
    *,
    why: str,
    by: str | None = None,
    dry_run: bool = False,
) -> Promotion:
    """Make the former champion, or an older one, the champion again, after its files are checked.

    Raises `ReleaseError` when there was none, or `to` never was champion; `BundleError` for altered files.
    """
    check_store(tracking_uri)
    releases = read_releases(tracking_uri)
    champion = find_champion(tracking_uri)
    if to is not None:
        were = {one.to_version for one in releases} | {one.from_version for one in releases}
        if to == champion or to not in were:
            raise ReleaseError(
                f"version {to} is champion already" if to == champion
                else f"version {to} was never champion: `promote` takes it through the gates"
            )  # fmt: skip
    target = to or former_version(releases)
    if target is None:
        raise ReleaseError("there is no former champion to go back to")
    with tempfile.TemporaryDirectory() as scratch:
        bundle, _ = fetch_version(target, tracking_uri, Path(scratch))
    found = Promotion(target, bundle.manifest.version, champion, (), bundle.sha256)
    found = dataclasses.replace(found, after=head_of(releases))
    return found if dry_run else _release(found, "rollback", tracking_uri, by, why)


def say_failed(failed: tuple[Gate, ...]) -> str:
    """The failed gates in one sentence."""
    return "; ".join(f"{one.name}: {one.says}" for one in failed)


def _read(report: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GateError("the report is not JSON of an evaluation: train it anew with `run`")
    return found


def _release(
    found: Promotion, action: Literal["promote", "rollback"], tracking_uri: str, by: str | None, why: str
) -> Promotion:
    for name, text in (("why", why), ("by", by or "")):
        if not text.isprintable():
            # It is shown in terminals and reports for years.
            raise ReleaseError(f"{name}: give one line of plain text, without control characters")
    try:
        draft = Draft(
            at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            by=by or current_user(),
            action=action,
            from_version=found.former,
            to_version=found.version,
            release=found.release,
            manifest_sha256=found.manifest_sha256,
            why=why,
            gates=tuple(_entry(one) for one in found.gates),
            overridden=tuple(one.name for one in found.failed),
        )
    except ValidationError as error:
        places = sorted({str(one["loc"][0]) for one in error.errors()})
        raise ReleaseError(
            f"{' and '.join(places)}: give at least one and at most {MOST_WORDS} characters"
        ) from None
    # Written before it is done: a champion without an entry would be worse than an entry without a champion.
    entry = append_release(draft, tracking_uri, found.after)
    _follow_log(tracking_uri, entry)
    return dataclasses.replace(found, entry=entry)


def _follow_log(tracking_uri: str, entry: Release) -> None:
    """Make the version of the log's last entry champion, until no later one has come meanwhile.

    Whoever was slow to set the alias after its entry would otherwise set it over a later release.
    """
    last = entry
    while True:
        set_champion(last.to_version, tracking_uri)
        latest = read_releases(tracking_uri)[-1]
        if latest.sha256 == last.sha256:
            return
        last = latest


def _entry(gate: Gate) -> GateEntry:
    asked = None if gate.threshold is None else gate.threshold.value
    return GateEntry(name=gate.name, passed=gate.passed, observed=gate.finite, threshold=asked)
