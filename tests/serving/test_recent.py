"""What was looked up a moment ago is not looked up again; after that it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from serving.storage.recent import Recent

DAY = dt.date(2026, 10, 31)


def test_a_lookup_is_remembered_for_its_seconds_and_so_is_nothing() -> None:
    asked: list[set[str]] = []
    now = [100.0]

    def find(codes: Iterable[str], as_of: dt.date) -> dict[str, int]:
        asked.append(set(codes))
        return {one: len(asked) for one in codes if one != "none"}

    recent = Recent(find, 5, lambda: now[0])
    assert not recent.has(["a"], DAY)
    assert recent.find(["a", "none"], DAY) == {"a": 1}
    assert recent.has(["a", "none"], DAY)
    assert recent.find(["a", "none"], DAY) == {"a": 1}
    assert recent.find(["a", "b"], DAY) == {"a": 1, "b": 2}
    assert recent.find(["a"], dt.date(2026, 11, 1)) == {"a": 3}
    now[0] += 5
    assert recent.find(["a"], DAY) == {"a": 4}
    assert asked == [{"a", "none"}, {"b"}, {"a"}, {"a"}]


def test_with_no_seconds_everything_is_asked() -> None:
    recent = Recent(lambda codes, _: dict.fromkeys(codes, 1), 0, lambda: 1.0)
    assert recent.find(["a"], DAY) == {"a": 1}
    assert not recent.has(["a"], DAY)
