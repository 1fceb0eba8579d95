"""What holds for the whole tree: packages, names, sizes, set-up files."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("features", "scoring", "training", "serving")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))

_FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
_PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
_ENDINGS = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".lock",
    ".html",
    ".css",
    ".js",
    ".ipynb",
    ".txt",
    ".json",
    ".sh",
    "",
}
# Written in pieces, so that this file does not match itself.
_ROOTS = ("ho me", "ro ot", "Us ers", "wo rk", "mn t")
_MACHINE_PATH = re.compile(rf"(?<![\w.:/-])/(?:{'|'.join(_ROOTS).replace(' ', '')})/[\w.-]+")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    """The files under version control; without git, every file of the tree that could be."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        said = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        paths = [ROOT / name for name in said.decode().split("\0") if name]
    else:
        paths = [path for name in (*PACKAGES, "tests", "deploy", "docs") for path in (ROOT / name).rglob("*")]
    return [path for path in paths if path.is_file()]


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in TESTS}
    assert folders
    assert [relative(one) for one in sorted(folders) if not (one / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_no_distribution_has_a_package_of_our_name(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"fangfan"}


@pytest.mark.parametrize("name", [*PACKAGES, "tests"])
def test_imports_resolve_into_this_repository(name: str) -> None:
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve() == ROOT / name / "__init__.py"


def test_modules_are_named_after_a_noun_of_their_own() -> None:
    names = {relative(path): {path.stem, path.parent.name} for path in (*MODULES, *TESTS)}
    assert {path for path, words in names.items() if words & _FORBIDDEN_NAMES} == set()


def test_modules_stay_small() -> None:
    sizes = {relative(path): len(path.read_text("utf-8").splitlines()) for path in (*MODULES, *TESTS)}
    assert {path: size for path, size in sizes.items() if size > 400} == {}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_is_unpickled(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        imported: list[str] = []
        if isinstance(node, ast.Import):
            imported = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        assert not {one.split(".")[0] for one in imported} & _PICKLES, path
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("read_pickle", "to_pickle"), path
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), path
            assert node.value.value is False, path


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_lock_files_name_no_index(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text) is None
    pinned = re.findall(r"^[a-z0-9][\w.-]*(?:\[[^\]]*\])?==", text, re.MULTILINE | re.IGNORECASE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


def test_there_are_lock_files() -> None:
    assert [one.name for one in LOCKS] == [
        "requirements-service.lock",
        "requirements-setup.lock",
        "requirements-spark.lock",
        "requirements-test.lock",
        "requirements.lock",
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = {}
    for path in tracked():
        if path.suffix in _ENDINGS:
            matches = _MACHINE_PATH.findall(path.read_text("utf-8", errors="ignore"))
            if matches:
                found[relative(path)] = matches[:3]
    assert found == {}
