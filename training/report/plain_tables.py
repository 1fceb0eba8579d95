"""Plain tables: any plain data as tables, for results that have no picture of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.report.figures import ABSENT, Cell, Form, Number, Table, with_interval

MOST_ROWS = 60
"""Longer lists are cut: the JSON has them whole."""

_SHARES = {"share", "rate", "precision", "recall", "jaccard"}
"""Last words of keys whose numbers are shares."""


def plain_tables(title: str, found: Any) -> list[Table]:
    """Tables of nested plain data: records become rows, what is nested in them tables of their own."""
    if isinstance(found, Mapping) and not is_estimate(found):
        return _of_mapping(title, found)
    if is_records(found):
        return _of_records(title, found)
    return [Table(title, ("", ""), ((title, cell_of("", found)),))]


def cell_of(name: str, found: Any) -> Cell:
    """A value or an estimate ``{value, low, high}`` as a cell; `name` hints at how it is written."""
    if found is None:
        return ABSENT
    if is_estimate(found):
        form = form_of(name, found["value"])
        return with_interval(found["value"], found.get("low"), found.get("high"), form)
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int | float):
        return Number(found, form_of(name, found))
    if isinstance(found, Sequence) and not isinstance(found, str):
        return _joined([cell_of(name, one) for one in found])
    return str(found)


def form_of(name: str, value: float) -> Form:
    """How a number called `name` is written."""
    if isinstance(value, int):
        return "count"
    if name.rpartition(" ")[2].rpartition("_")[2] in _SHARES and 0 <= value <= 1:
        return "rate"
    return "four" if abs(value) < 100 else "count" if value == round(value) else "two"


def is_estimate(found: Any) -> bool:
    """Whether it is a number with its interval."""
    return (
        isinstance(found, Mapping)
        and "value" in found
        and set(found) <= {"value", "low", "high", "worst", "best"}
    )


def is_records(found: Any) -> bool:
    """Whether it is a list of records."""
    return isinstance(found, Sequence) and bool(found) and all(isinstance(one, Mapping) for one in found)


def title_of(name: str) -> str:
    """A key as a title."""
    return name.replace("_", " ")


def _of_mapping(title: str, found: Mapping[str, Any]) -> list[Table]:
    if found and all(isinstance(one, Mapping) and not is_estimate(one) for one in found.values()):
        # Named records: one row each, the name first.
        return _of_records(title, [{"": name, **one} for name, one in found.items()])
    flat = {name: one for name, one in found.items() if _is_flat(one)}
    tables = []
    if flat:
        tables.append(
            Table(title, ("", ""), tuple((title_of(name), cell_of(name, one)) for name, one in flat.items()))
        )
    for name, one in found.items():
        if name not in flat:
            tables += plain_tables(f"{title}: {title_of(name)}", one)
    return tables


def _of_records(title: str, records: Sequence[Mapping[str, Any]]) -> list[Table]:
    spread = [dict(_spread(one)) for one in records]
    columns = list(dict.fromkeys(name for one in spread for name, value in one.items() if _is_flat(value)))
    # What is text names the row, wherever the record has it.
    columns.sort(key=lambda name: not any(isinstance(one.get(name), str) for one in spread))
    rows = tuple(tuple(cell_of(name, one.get(name)) for name in columns) for one in spread[:MOST_ROWS])
    left = len(spread) - len(rows)
    shown = title if left <= 0 else f"{title} (first rows; the JSON has all)"
    tables = [Table(shown, tuple(map(title_of, columns)), rows)] if columns else []
    for one in records[:MOST_ROWS]:
        for name, value in one.items():
            if is_records(value):
                label = next((str(each) for each in one.values() if isinstance(each, str)), "")
                tables += _of_records(f"{title}: {label} {title_of(name)}", value)
    return tables


def _spread(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in record.items():
        if isinstance(one, Mapping) and not is_estimate(one):
            yield from _spread(one, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", one


def _is_flat(found: Any) -> bool:
    if isinstance(found, Mapping):
        return is_estimate(found)
    if isinstance(found, Sequence) and not isinstance(found, str):
        return len(found) <= 12 and all(not isinstance(one, Mapping | list | tuple) for one in found)
    return True


def _joined(cells: Sequence[Cell]) -> Cell:
    parts: list[Any] = []
    for at, one in enumerate(cells):
        parts += [", "] if at else []
        parts += list(one) if isinstance(one, tuple) else [one]
    return tuple(parts)
