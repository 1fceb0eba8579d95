"""What queries cannot hold in memory: in a folder of their own, for their owner alone, gone with them."""

from __future__ import annotations

import ast
import stat
from pathlib import Path

import duckdb
import pytest

from features.connection import connect, spilling_within

SOURCES = Path(__file__).parents[2]
MANY = "CREATE TABLE many AS SELECT range AS n, md5(range::VARCHAR) AS text FROM range(1000000)"


def test_a_query_beyond_its_memory_spills_where_it_may_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, own = tmp_path / "start", tmp_path / "own"
    start.mkdir()
    own.mkdir()
    monkeypatch.chdir(start)
    with spilling_within(own), connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("SET memory_limit = '20MB'")
        connection.execute(MANY)
        (folder,) = own.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert sum(one.stat().st_size for one in folder.iterdir()) > 1_000_000
    assert [*own.iterdir(), *start.iterdir()] == []


def test_the_folder_is_gone_where_the_query_fails(tmp_path: Path) -> None:
    with spilling_within(tmp_path), pytest.raises(duckdb.Error), connect() as connection:
        connection.execute("SELECT nothing")
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_it_is_the_systems_folder_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, own = tmp_path / "system", tmp_path / "own"
    system.mkdir()
    own.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(system))
    with spilling_within(own):
        pass
    with connect() as connection:
        ((folder,),) = connection.sql("SELECT current_setting('temp_directory')").fetchall()
        assert Path(folder).parent == system
    assert list(system.iterdir()) == []


def test_nobody_connects_without_saying_where_to_spill() -> None:
    bare = [
        f"{path.relative_to(SOURCES)}:{node.lineno}"
        for package in ("features", "scoring", "serving", "training")
        for path in (SOURCES / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "duckdb.connect"
        and not any(
            one.arg == "config" and "temp_directory" in ast.unparse(one.value) for one in node.keywords
        )
    ]
    assert bare == []
