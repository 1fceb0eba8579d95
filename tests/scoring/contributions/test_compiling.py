"""Compiled code that is kept is that of the sources as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.contributions import compiling

INNER = """from scoring.contributions.compiling import compiled


@compiled
def inner(value: float) -> float:
    return value + {number}
"""
OUTER = """from scoring.contributions.compiling import compiled
from scoring.contributions.inner import inner


@compiled
def outer(value: float) -> float:
    return 2.0 * inner(value)


print(outer(1.0), sum(outer.stats.cache_hits.values()))
"""


@pytest.mark.parametrize("is_given", [False, True], ids=["beside", "given"])
def test_a_change_of_what_is_called_is_compiled_anew(tmp_path: Path, is_given: bool) -> None:
    package = tmp_path / "scoring" / "contributions"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "compiling.py").write_bytes(Path(compiling.__file__).read_bytes())
    (package / "outer.py").write_text(OUTER)

    def run(number: float) -> list[str]:
        inner = package / "inner.py"
        inner.write_text(INNER.format(number=number))
        os.utime(inner, (0, 0))  # as from an archive that keeps no dates: what it says alone is another
        given = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")} if is_given else {}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
        made = subprocess.run(
            # Python's own bytecode goes by whole seconds and length, and would be that of the run before.
            [sys.executable, "-B", "-m", "scoring.contributions.outer"],
            cwd=tmp_path, env={**environment, **given, "PYTHONPATH": str(tmp_path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return made.stdout.split()

    assert run(1.0) == ["4.0", "0"]
    assert run(1.0) == ["4.0", "1"]
    assert run(5.0) == ["12.0", "0"]
    assert run(1.0) == ["4.0", "0"]
