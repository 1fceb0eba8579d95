"""Panel: one household table of anybody's, from its columns to a comparison with the naive rule."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.errors import DataError
from training.panels.columns import Column, Floats, infer_column
from training.panels.comparison import Comparison, Progress, Sample, compare, compare_in_folds
from training.panels.design import build_design
from training.panels.ordering import cell_texts, in_order
from training.panels.outcome import read_outcome
from training.panels.screening import LeftOut, Screened, screen_columns
from training.panels.waves import read_waves, wave_after

LEAST_ROWS = 60
LEAST_OUTCOMES = 10
LEAST_TEST_ROWS = 20
LEAST_TEST_OUTCOMES = 3

TIMING = "Assumed: a row's label is settled by the next wave, so earlier labels are known at a later one."

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Which rows are learned from and measured on, in words as well; `later` rows are not used at all."""

    train: Mask
    test: Mask
    later: Mask
    title: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """Rows to learn from and, with a time, later ones to measure on; what is said of them beside."""

    title: str
    train: Sample
    test: Sample | None
    left_out: tuple[LeftOut, ...]
    suspects: tuple[str, ...]
    notes: tuple[str, ...]


def compare_panel(
    frame: pd.DataFrame,
    *,
    household: str,
    label: str,
    naive: str,
    time: str | None = None,
    group: str | None = None,
    drop: Iterable[str] = (),
    test_time: str | None = None,
    is_highest_first: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Train and measure on any household table beside the naive rule and simple learners.

    `frame` has a row for each household (and wave); `label` is 0/1 and may be missing where it is not known;
    `naive` is the column of the rule in use: its lowest values first, or its highest where
    `is_highest_first`. With `time` the last labelled wave (or `test_time`) is foreseen from all waves before;
    without, every row is measured out of fold, groups (else households) kept whole. Columns in `drop` are not
    used. Deterministic, whatever the order of rows and columns. Raises `DataError` with one sentence where
    the table cannot be used.
    """
    found = prepare_panel(
        frame,
        household=household,
        label=label,
        naive=naive,
        time=time,
        group=group,
        drop=drop,
        test_time=test_time,
        is_highest_first=is_highest_first,
        progress=progress,
    )
    said = {"left_out": found.left_out, "suspects": found.suspects, "notes": found.notes}
    if found.test is not None:
        return compare(found.title, found.train, found.test, progress, **said)
    repetitions = repetitions_for(len(found.train.labels))
    return compare_in_folds(found.title, found.train, repetitions, progress, **said)


def prepare_panel(
    frame: pd.DataFrame,
    *,
    household: str,
    label: str,
    naive: str,
    time: str | None = None,
    group: str | None = None,
    drop: Iterable[str] = (),
    test_time: str | None = None,
    is_highest_first: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """What `compare_panel` learns from and measures on; nothing is fitted yet. Raises `DataError`."""
    dropped = [one for one in drop if one]
    roles = [("id", household), ("label", label), ("naive", naive)]
    roles += [(role, one) for role, one in (("time", time), ("group", group)) if one]
    _check_names(frame, roles, dropped)
    table = in_order(frame, [household, *([time] if time else [])], naive)
    outcome = read_outcome(label, table[label])
    households = _numbered(household, table[household], is_needed=True)
    groups = None if group is None or group == household else _numbered(group, table[group], is_needed=False)
    waves, names = (np.zeros(len(table)), {0.0: ""}) if time is None else read_waves(time, table[time])
    if time is not None:
        _check_waves(time, names)
        _check_once(household, time, households, waves)
    sides = _cross_section(outcome) if time is None else _waves_apart(time, waves, names, outcome, test_time)
    used = ~sides.later
    table, outcome, households, waves = table[used], outcome[used], households[used], waves[used]
    table = table.reset_index(drop=True)
    groups = None if groups is None else groups[used]
    train, test = sides.train[used], sides.test[used]
    _check_enough(train, test, outcome, is_cross_section=time is None)
    rule = infer_column(naive, table[naive])
    _check_rule(rule, train, test)
    taken = {one for role, one in roles if role != "naive"}
    columns = _inferred(table, taken | set(dropped), progress)
    units = households if groups is None else groups
    screened = screen_columns(columns, outcome, households, units, train, test, naive)
    left = [LeftOut(one, "dropped", "named by --drop") for one in sorted(set(dropped))]
    left += [*_twice(table), *screened.left_out]
    design = build_design(
        screened.kept, rule.values, households, waves, groups, outcome, train, is_panel=time is not None
    )
    notes = [*sides.notes, *([] if time is None else [TIMING]), *_notes_on(screened, naive)]
    ranks = rule.values if is_highest_first else -rule.values
    later = wave_after(pd.Series(ranks), pd.Series(households), waves).to_numpy(np.float64)

    def sample(mask: Mask) -> Sample:
        return Sample(
            design.vectors[mask],
            outcome[mask].astype(np.int64),
            units[mask],
            ranks[mask],
            waves[mask],
            design.codes,
            design.both,
            later=None if time is None else later[mask],
        )

    return Prepared(
        sides.title,
        sample(train),
        None if time is None else sample(test),
        tuple(left),
        screened.suspects,
        tuple(notes),
    )


def _check_rule(rule: Column, train: Mask, test: Mask) -> None:
    if rule.kind in {"category", "unusable", "date"} or np.isnan(rule.values[train]).all():
        raise DataError(
            f"the naive column {rule.name!r} holds no numbers: give the column that today's rule sorts by"
        )
    if np.isnan(rule.values[test]).all():
        raise DataError(
            f"the naive column {rule.name!r} is empty in the test wave: the rule cannot be measured there"
        )


def _notes_on(screened: Screened, naive: str) -> list[str]:
    notes = []
    if [one.name for one in screened.kept] == [naive]:
        notes.append(f"Every column but {naive!r} is left out: nothing else can be learned from.")
    notes += [f"Column {one!r} looks too good: is it really known beforehand?" for one in screened.suspects]
    return notes + [
        f"Column {one.name!r}: {one.misfits:,} cells are no {one.kind}s and count as missing."
        for one in screened.kept
        if one.misfits
    ]


def repetitions_for(rows: int) -> int:
    """How often the groups of a cross-section are parted anew: on small tables the folds are luck."""
    return 3 if rows <= 1_500 else 2 if rows <= 5_000 else 1


def parse_naive(text: str, columns: Sequence[str]) -> tuple[str, bool]:
    """``income``, ``income:asc`` or ``income:desc`` as the column and whether its highest come first.

    A column whose own name ends so is taken as it is. Raises `DataError` at another order.
    """
    if text in columns:
        return text, False
    name, found, order = text.rpartition(":")
    if not found:
        return text, False
    if order.lower() not in {"asc", "desc"}:
        raise DataError(
            f"--naive takes a column and asc or desc, such as income:asc; {order[:20]!r} is no order"
        )
    return name, order.lower() == "desc"


def parse_drop(text: str, columns: Sequence[str]) -> list[str]:
    """Columns named in one option, parted by commas; a column with a comma in its name is taken whole."""
    if text in columns:
        return [text]
    return [one.strip() for one in text.split(",") if one.strip()]


def _check_names(frame: pd.DataFrame, roles: Sequence[tuple[str, str]], dropped: Sequence[str]) -> None:
    names = [str(one) for one in frame.columns]
    for role, one in [*roles, *(("drop", one) for one in dropped)]:
        if one not in names:
            near = difflib.get_close_matches(one, names, 1, 0.5) or [
                other for other in names if other.lower() == one.lower()
            ]
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"there are {', '.join(names[:8])}" + (" …" if len(names) > 8 else "")
            )
            raise DataError(f"there is no column {one!r} (--{role}): {hint}")
        if names.count(one) > 1:
            raise DataError(f"the column {one!r} (--{role}) stands twice in the header: rename one of them")
    by_name: dict[str, str] = {}
    for role, one in roles:
        other = by_name.setdefault(one, role)
        if other != role and {role, other} != {"id", "group"}:
            raise DataError(f"the column {one!r} cannot be both --{other} and --{role}")
    for one in dropped:
        if one in by_name:
            raise DataError(f"the column {one!r} is --{by_name[one]} and cannot be dropped")


def _numbered(name: str, cells: pd.Series, *, is_needed: bool) -> Integers:
    """Each different value as a number from 0, in its order; rows without one: an error, or a group each."""
    text = cell_texts(cells)
    is_missing = (text == "").to_numpy()
    if is_needed and is_missing.any():
        raise DataError(
            f"{int(is_missing.sum()):,} rows have no {name!r}: every row needs its household's id"
        )
    different = pd.Series(text.unique())
    value = pd.to_numeric(different, errors="coerce")
    # Numbers by size, words by letters: what rises with the id in every row is one itself.
    ordered = pd.DataFrame({"value": value, "text": different}).sort_values(["value", "text"])["text"]
    numbers = text.map(pd.Series(np.arange(len(ordered)), index=ordered)).to_numpy(np.int64, copy=True)
    numbers[is_missing] = numbers.max() + 1 + np.arange(int(is_missing.sum()))
    _, dense = np.unique(numbers, return_inverse=True)
    return dense.astype(np.int64)


def _check_waves(time: str, names: dict[float, str]) -> None:
    if len(names) < 2:
        raise DataError(
            f"{time!r} has one wave only ({next(iter(names.values()))}): two are needed; "
            "leave --time out to evaluate a cross-section"
        )


def _check_once(household: str, time: str, households: Integers, waves: Floats) -> None:
    twice = int(pd.DataFrame({"household": households, "wave": waves}).duplicated().sum())
    if twice:
        raise DataError(
            f"{twice:,} rows repeat a household ({household!r}) within one wave ({time!r}): "
            "give one row for each household and wave"
        )


def _cross_section(outcome: Floats) -> Side:
    known = ~np.isnan(outcome)
    notes = () if known.all() else (f"{int((~known).sum()):,} rows without a label are not used.",)
    title = "Cross-section, out of fold"
    return Side(known, known, ~known, title, notes)


def _waves_apart(
    time: str, waves: Floats, names: dict[float, str], outcome: Floats, test_time: str | None
) -> Side:
    known = ~np.isnan(outcome)
    labelled = sorted(set(waves[known].tolist()))
    notes = []
    if test_time is None:
        last = labelled[-1]
        if last < max(names):
            notes.append(f"Waves after {names[last]} have no labels: {names[last]} is the test.")
    else:
        last = _named_wave(time, names, test_time)
        if last not in labelled:
            raise DataError(f"no row of {names[last]} has a label: give another --test-time")
    if not any(one < last for one in labelled):
        raise DataError(f"no wave before {names[last]} has labels: there is nothing to learn from")
    train, test, later = known & (waves < last), known & (waves == last), waves > last
    if test_time is not None and later.any():
        notes.append(f"{int(later.sum()):,} rows after {names[last]} are not used.")
    past = [names[one] for one in labelled if one < last]
    shown = ", ".join(past) if len(past) <= 4 else f"{past[0]} … {past[-1]} ({len(past)} waves)"
    return Side(train, test, later, f"Train {shown}, test {names[last]}", tuple(notes))


def _named_wave(time: str, names: dict[float, str], wanted: str) -> float:
    for at, name in names.items():
        if name == wanted.strip() or _as_number(name) == _as_number(wanted):
            return at
    listed = ", ".join(list(names.values())[:12])
    raise DataError(f"{time!r} has no {wanted[:40]!r} (--test-time): its waves are {listed}")


def _as_number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"\s*-?\d+(\.0*)?\s*", text) else text.strip()


def _check_enough(train: Mask, test: Mask, outcome: Floats, *, is_cross_section: bool) -> None:
    rows, hits = int(train.sum()), int(outcome[train].sum())
    side = "labelled rows" if is_cross_section else "labelled rows before the test wave"
    if hits in {0, rows}:
        raise DataError(f"the {rows:,} {side} all have the same outcome: nothing can be learned")
    if rows < LEAST_ROWS or min(hits, rows - hits) < LEAST_OUTCOMES:
        raise DataError(
            f"{rows:,} {side}, {hits:,} with the outcome, are too few to learn from: "
            f"at least {LEAST_ROWS} rows and {LEAST_OUTCOMES} of either outcome are needed"
        )
    rows, hits = int(test.sum()), int(outcome[test].sum())
    if rows < LEAST_TEST_ROWS or min(hits, rows - hits) < LEAST_TEST_OUTCOMES:
        raise DataError(
            f"the test wave has {rows:,} labelled rows, {hits:,} with the outcome: too few to measure on "
            f"({LEAST_TEST_ROWS} rows and {LEAST_TEST_OUTCOMES} of either outcome); give another --test-time"
        )


def _inferred(table: pd.DataFrame, taken: set[str], progress: Progress | None) -> list[Column]:
    names = [str(one) for one in table.columns]
    wanted = [at for at, name in enumerate(names) if name not in taken]
    found, seen = [], set()
    for done, at in enumerate(wanted, 1):
        if names[at] not in seen:
            found.append(infer_column(names[at], table.iloc[:, at]))
        seen.add(names[at])
        if progress:
            progress("columns", done, len(wanted))
    return found


def _twice(table: pd.DataFrame) -> list[LeftOut]:
    names = pd.Series([str(one) for one in table.columns])
    return [
        LeftOut(one, "twice", "its name stands twice in the table: the first is used")
        for one in sorted(set(names[names.duplicated()]))
    ]
