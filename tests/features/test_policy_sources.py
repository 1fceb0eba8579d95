"""Every source of a policy number that is told in Chinese is told in English too, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import yaml

from features.policy.sources import english_sources, source_text

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def sources_in(node: Any) -> Iterator[str]:
    """Read from the files themselves, wherever in them a source stands."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [value] if name == "source" and isinstance(value, str) else sources_in(value)
    elif isinstance(node, list):
        for each in node:
            yield from sources_in(each)


def in_chinese() -> set[str]:
    policy = resources.files("features.policy")
    files = [one for folder in (policy, policy.joinpath("measures")) for one in folder.iterdir()]
    read = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in files if one.name.endswith(".yaml")]
    return {one for each in read for one in sources_in(each) if CHINESE.search(one)}


def test_every_chinese_source_has_its_english_and_none_is_left_over() -> None:
    told = in_chinese()
    assert len(told) > 50
    assert set(english_sources()) == told


@pytest.mark.parametrize("source", sorted(in_chinese()))
def test_english_has_no_chinese_and_keeps_the_years(source: str) -> None:
    said = source_text(source, "en")
    assert said.strip()
    assert not CHINESE.search(said)
    years = re.compile(r"(?<![0-9])20[0-9]{2}(?![0-9])")
    assert sorted(years.findall(said)) == sorted(years.findall(source))
    assert source_text(source, "zh") == source


def test_a_source_that_is_not_there_is_told_as_it_stands() -> None:
    assert source_text("某县文件", "en") == "某县文件"
