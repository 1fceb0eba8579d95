"""The text of an experiment file: YAML read strictly, so that a slip never becomes a silent setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from training.errors import ExperimentError

MOST_CHARACTERS = 200_000
"""Experiment files are some hundred lines; more is no experiment file."""

MOST_NESTED = 20
MOST_VALUES = 20_000


class _StrictLoader(yaml.SafeLoader):
    """YAML's plain types; a key that stands twice is an error, not the last one's value."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self._depth >= MOST_NESTED:
            raise _refused(f"more than {MOST_NESTED} brackets or lists inside each other", event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refused(f"the key {_shown(key.value)} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: Path) -> Any:
    """What the file holds, as YAML's plain types; raises `ExperimentError` with the line of the fault."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except UnicodeDecodeError:
        raise ExperimentError(f"{path.name} is not text in UTF-8") from None
    if len(text) > MOST_CHARACTERS:
        raise ExperimentError(
            f"{path.name} is longer than {MOST_CHARACTERS:,} characters: no experiment file"
        )
    loader = _StrictLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check_size(root)
        return loader.construct_document(root)
    except _RefusedError as error:
        raise ExperimentError(f"{path.name}{_line(error)}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ExperimentError(f"{path.name} is not YAML{_line(error)}") from None
    except ValueError:
        # YAML takes 2025-02-31 for a date, and any run of digits for a number.
        raise ExperimentError(
            f"{path.name} holds a date that is in no calendar, or a number of thousands of digits"
        ) from None
    finally:
        loader.dispose()


def _check_size(root: yaml.Node) -> None:
    """Refuse what a few aliases (`*name`) blow up, or make hold itself: each is counted where it is used."""
    waiting, count = [(root, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MOST_VALUES or depth > MOST_NESTED:
            raise _refused(f"aliases (*) make more than {MOST_VALUES:,} values of it", root.start_mark)
        if isinstance(node, yaml.SequenceNode):
            waiting += [(one, depth + 1) for one in node.value]
        elif isinstance(node, yaml.MappingNode):
            waiting += [(one, depth + 1) for pair in node.value for one in pair]


class _RefusedError(yaml.MarkedYAMLError):
    """Something that is YAML and is not read here."""


def _refused(problem: str, mark: yaml.Mark) -> _RefusedError:
    return _RefusedError(problem=problem, problem_mark=mark)


def _line(error: yaml.YAMLError) -> str:
    place = getattr(error, "problem_mark", None)
    return f", line {place.line + 1}" if place else ""


def _shown(key: str) -> str:
    return key if key.isprintable() and len(key) <= 40 else "(unprintable)"
