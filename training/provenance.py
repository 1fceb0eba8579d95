"""Provenance: which code, data and libraries a run was made from."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import features
import scoring
import training

LIBRARIES = ("duckdb", "lightgbm", "mlflow", "numpy", "optuna", "pandas", "pyarrow", "scikit-learn", "scipy")

SOURCES = frozenset({".py", ".yaml"})
"""Endings of the files that say what a package does."""


def git_revision(folder: Path) -> str:
    """The commit of the checkout `folder` lies in, with ``+changes`` where files differ; or ``unknown``."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}+changes" if changed else commit


def library_versions() -> dict[str, str]:
    """The installed versions of the libraries that decide a result."""
    return {name: metadata.version(name) for name in LIBRARIES}


def data_fingerprint(*paths: Path) -> str:
    """One sha256 over the names and bytes of the given files, and of all files below given folders."""
    named = []
    for path in paths:
        if path.is_dir():
            files = sorted(one for one in path.rglob("*") if one.is_file())
            named += [(str(one.relative_to(path)), one) for one in files]
        else:
            named.append((path.name, path))
    return _digest(named)


def code_fingerprint(*folders: Path) -> str:
    """One sha256 over the sources of `features`, `scoring` and `training`, or of `folders`: names and bytes.

    A commit does not tell two states of changed files apart, and an installed copy has none.
    """
    packages = folders or tuple(Path(str(one.__file__)).parent for one in (features, scoring, training))
    return _digest(
        (f"{folder.name}/{one.relative_to(folder)}", one)
        for folder in packages
        for one in sorted(folder.rglob("*"))
        if one.suffix in SOURCES and one.is_file()
    )


def _digest(named: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, path in named:
        digest.update(f"{name}\0".encode())
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
