"""Each test is given to one worker, long files first; files around one dear fixture go to the same worker."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.remote import Producer

from tests.shares import LONG, TOGETHER, Shares

ROOT = Path(__file__).resolve().parent.parent
_CONFIG: Any = SimpleNamespace(
    getvalue=lambda name: {"tx": ["popen", "popen"]}[name], option=SimpleNamespace(loadscopereorder=True)
)
_LOG = Producer("tests", enabled=False)


class Worker:
    """A worker that takes tests one after the other and tells of each."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.shutting_down = False
        self.waiting: list[int] = []
        self.ran: list[int] = []

    def send_runtest_some(self, places: list[int]) -> None:
        self.waiting += places

    def shutdown(self) -> None:
        self.shutting_down = True


def run(tests: list[str], speeds: tuple[int, int]) -> list[list[str]]:
    """Which tests each of two workers ran, in order; a worker runs so many in each round."""
    workers = [Worker("gw0"), Worker("gw1")]
    shares = Shares(_CONFIG, _LOG)
    for one in workers:
        shares.add_node(one)
        shares.add_node_collection(one, tests)
    shares.schedule()
    while any(one.waiting for one in workers):
        for one, speed in zip(workers, speeds, strict=True):
            for _ in range(min(speed, len(one.waiting))):
                one.ran.append(one.waiting.pop(0))
                shares.mark_test_complete(one, one.ran[-1])
    return [[tests[at] for at in one.ran] for one in workers]


@pytest.mark.parametrize("speeds", [(1, 1), (1, 7), (5, 1)])
def test_every_test_is_run_once_and_files_stay_whole(speeds: tuple[int, int]) -> None:
    files = [f"tests/test_{number}.py" for number in range(12)]
    files += [*reversed(LONG), *(one for some in TOGETHER.values() for one in some)]
    tests = sorted({
        f"{file}::test_{at}" for number, file in enumerate(files) for at in range(number % 5 + 1)
    })
    ran = run(tests, speeds)
    assert Counter(ran[0] + ran[1]) == dict.fromkeys(tests, 1)
    of = [{one.split("::")[0] for one in mine} for mine in ran]
    assert of[0] & of[1] == set()
    for some in TOGETHER.values():
        assert sum(bool(set(some) & mine) for mine in of) == 1


def test_the_long_begin_first() -> None:
    tests = [f"tests/test_a.py::test_{at}" for at in range(50)]
    tests += [f"{file}::test_x" for file in reversed(LONG)]
    first, second = run(tests, (1, 1))
    assert [first[0], second[0]] == [f"{file}::test_x" for file in LONG[:2]]
    for ran in (first, second):
        are_short = [one in tests[:50] for one in ran]
        assert are_short == sorted(are_short)
    assert {one.split("::")[0] for one in first + second} == {*LONG, "tests/test_a.py"}


def test_the_files_are_there() -> None:
    assert [one for one in LONG if not (ROOT / one).is_file()] == []
    assert len(set(LONG)) == len(LONG)


@pytest.mark.parametrize("fixture", TOGETHER)
def test_together_are_all_files_that_use_the_fixture(fixture: str) -> None:
    using = set()
    for path in (ROOT / "tests" / "training").rglob("test_*.py"):
        functions = [
            one for one in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(one, ast.FunctionDef)
        ]
        if any(argument.arg == fixture for one in functions for argument in one.args.args):
            using.add(path.relative_to(ROOT).as_posix())
    assert using == set(TOGETHER[fixture])
