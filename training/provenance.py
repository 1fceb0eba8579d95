"""Provenance: which code, data and libraries a run was made from."""

from __future__ import annotations

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path

LIBRARIES = ("duckdb", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn")


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
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in files:
            digest.update(f"{one.relative_to(path) if path.is_dir() else one.name}\0".encode())
            with one.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
