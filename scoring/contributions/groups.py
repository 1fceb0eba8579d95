"""Groups: neighbouring leaves whose contributions are looked up together.

A *side* is a set of features with a few bits: for each feature the bins are parted into classes that none of
the side's leaves tells apart, and numbered in Gray code. A row's bits are its *pattern*; everything the
side's features decide is a table over patterns.

A group has one side, or two where its leaves share a stretch of path: what is common to all of them goes to
the first side, the rest to the second, and a quadrature joins both (see the package's docstring). Runs of
leaves are cut into groups by dynamic programming over an estimate of the time a row takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoring.contributions.paths import Atoms, Item, Path

LANES = 4
"""Features added at once; a side's features are padded to a multiple."""

MOST_CODE_BITS = 6
"""Bits of one feature's class: the set of classes a leaf accepts must fit into 64 bits."""

LONGEST_RUN = 24
"""Leaves of a group at most; longer runs hardly ever pay and cost time to look at."""


@dataclass(frozen=True)
class Limits:
    """How many bits a pattern may have: of a group with one side, and of each side of a group with two."""

    single: int
    double: int


LADDER = (Limits(10, 8), Limits(8, 7), Limits(7, 6), Limits(6, 5), Limits(4, 4))
"""Limits to try, until the tables are small enough."""


@dataclass(frozen=True)
class Condition:
    """Bit `bit` is flipped where code − `start`, wrapped around, is at most `span`."""

    slot: int
    start: int
    span: int
    bit: int


@dataclass(frozen=True)
class Lookup:
    """Bits of one byte of the pattern, flipped by a slot's code: one number for each of its codes."""

    slot: int
    high: bool
    flips: bytes


MOST_RANGES = 16
"""Conditions of one slot and byte above which looking the code up is quicker than comparing."""


@dataclass(frozen=True)
class Member:
    """One item of a leaf on a side: which of the classes at `shift` it accepts (bits), and its share."""

    place: int
    shift: int
    width: int
    accepted: int
    share: float


@dataclass(frozen=True)
class Side:
    """Features (`slots`), what makes the pattern, and each leaf's value and members."""

    bits: int
    slots: tuple[int, ...]
    conditions: tuple[Condition, ...]
    lookups: tuple[Lookup, ...]
    leaves: tuple[tuple[float, tuple[Member, ...]], ...]

    def stride(self, order: int) -> int:
        """Numbers that a pattern has in the table: contributions of the padded features where `order` is 0.

        Otherwise the product at each of `order` points, padded, then at each point the features' derivatives.
        """
        padded = _lanes(len(self.slots)) * LANES
        return padded if order == 0 else _lanes(order) * LANES + order * padded


@dataclass(frozen=True)
class Group:
    """One or two sides; `order` is the number of quadrature points that is exact for its longest path."""

    order: int
    sides: tuple[Side, ...]

    @property
    def bytes(self) -> int:
        """Bytes of its tables."""
        order = self.order if len(self.sides) > 1 else 0
        return 8 * sum(side.stride(order) << side.bits for side in self.sides)


Parts = dict[int, tuple[int, ...]]

# Estimated time of a row in arbitrary units, fitted on one core of a server: a group, a condition, four
# additions, a multiplication of four, and a byte of table brought in for one block.
_GROUP, _CONDITION, _ADDITION, _PRODUCT, _BYTE = 2.0, 0.05, 1.6, 0.8, 0.00008
# A leaf without tables multiplies for every item, node and row.
_DIRECT = 2.0


def find_groups(
    paths: Sequence[Path], atoms: Mapping[int, Atoms], limits: Limits, top: int, room: int
) -> tuple[list[Group], list[Path]]:
    """Part a tree's paths into groups of at most `room` bytes of tables in all, and the paths left over.

    `top` is one more than the largest code.
    """
    groups: list[Group] = []
    alone: list[Path] = []
    for start, end, double in _cut(paths, atoms, limits):
        group = None if double is None else _group(paths[start:end], atoms, double, top)
        if group is None or group.bytes > room:
            alone += paths[start:end]
        else:
            groups.append(group)
            room -= group.bytes
    return groups, alone


def _cut(
    paths: Sequence[Path], atoms: Mapping[int, Atoms], limits: Limits
) -> list[tuple[int, int, bool | None]]:
    """Cheapest runs as (start, end, two sides?); None marks a path without tables."""
    count = len(paths)
    best = [0.0] + [float("inf")] * count
    came: list[tuple[int, bool | None]] = [(0, None)] * (count + 1)
    for start in range(count):
        first = paths[start].items
        depth = len(first)
        cost = best[start] + _DIRECT * depth * quadrature_order(depth)
        if cost < best[start + 1]:
            best[start + 1], came[start + 1] = cost, (start, None)
        parts: Parts = {}
        bits = 0
        shared: dict[int, Item] = dict(first)
        for end in range(start + 1, min(count, start + LONGEST_RUN) + 1):
            items = paths[end - 1].items
            bits += _add(parts, items, atoms)
            depth = max(depth, len(items))
            if end > start + 1:
                shared = {slot: item for slot, item in shared.items() if items.get(slot) == item}
            common = sum(len(parts[slot]) > 1 for slot in shared)
            if bits - common > max(limits.single, limits.double) or bits > max(
                limits.single, 2 * limits.double
            ):
                break
            if any(len(classes) > 1 << MOST_CODE_BITS for classes in parts.values()):
                break
            width = len(parts)
            if bits <= limits.single:
                cost = best[start] + _single_cost(width, bits)
                if cost < best[end]:
                    best[end], came[end] = cost, (start, False)
            if common and bits - common <= limits.double:
                cost = best[start] + _double_cost(width, bits, common, depth, limits.double)
                if cost < best[end]:
                    best[end], came[end] = cost, (start, True)
    found = []
    end = count
    while end > 0:
        start, double = came[end]
        found.append((start, end, double))
        end = start
    return found[::-1]


def _add(parts: Parts, items: Mapping[int, Item], atoms: Mapping[int, Atoms]) -> int:
    """Refine the classes by a path's conditions; returns how many bits that adds."""
    added = 0
    for slot, (mask, _) in items.items():
        old = parts.get(slot)
        if old is None:
            outside = atoms[slot].whole & ~mask
            parts[slot] = (mask, outside) if mask and outside else (atoms[slot].whole,)
            added += len(parts[slot]) - 1
            continue
        new = tuple(piece for one in old for piece in (one & mask, one & ~mask) if piece)
        if len(new) != len(old):
            parts[slot] = new
            added += _width(len(new)) - _width(len(old))
    return added


def _width(classes: int) -> int:
    return (classes - 1).bit_length()


def quadrature_order(depth: int) -> int:
    """Gauss–Legendre points that integrate a path of `depth` distinct features exactly."""
    return max((depth + 1) // 2, 1)


def _lanes(width: int) -> int:
    return -(-width // LANES)


def _single_cost(width: int, bits: int) -> float:
    lanes = _lanes(width)
    return _GROUP + _ADDITION * lanes + _CONDITION * bits + _BYTE * 8 * LANES * lanes * (1 << bits)


def _double_cost(width: int, bits: int, common: int, depth: int, most: int) -> float:
    order = quadrature_order(depth)
    first = _first_bits(bits, common)
    if max(first, bits - first) > most:
        return float("inf")
    lanes = _lanes(min(first, width)) + _lanes(max(width - first, 0))
    size = (1 << first) + (1 << (bits - first))
    return (
        2 * _GROUP
        + (_ADDITION + _PRODUCT * order) * lanes
        + _CONDITION * bits
        + _BYTE * 8 * order * (1 + LANES * lanes / 2) * size
    )


def _first_bits(bits: int, common: int) -> int:
    """Bits of the first side: half of all, as far as there are common ones."""
    return min(common, (bits + 1) // 2)


def _group(run: Sequence[Path], atoms: Mapping[int, Atoms], double: bool, top: int) -> Group:
    parts: Parts = {}
    bits = sum(_add(parts, path.items, atoms) for path in run)
    order = quadrature_order(max(len(path.items) for path in run))
    if not double:
        return Group(order, (_side([(path.value, path.items) for path in run], parts, atoms, top),))
    items = run[0].items
    common = sorted(
        slot
        for slot in items
        if len(parts[slot]) > 1 and all(path.items.get(slot) == items[slot] for path in run)
    )
    first = set(common[: _first_bits(bits, len(common))])
    ours = {slot: classes for slot, classes in parts.items() if slot in first}
    others = {slot: classes for slot, classes in parts.items() if slot not in first}
    shared = {slot: item for slot, item in items.items() if slot in first}
    rest = [
        (path.value, {slot: item for slot, item in path.items.items() if slot not in first}) for path in run
    ]
    return Group(order, (_side([(1.0, shared)], ours, atoms, top), _side(rest, others, atoms, top)))


def _side(
    leaves: Sequence[tuple[float, Mapping[int, Item]]], parts: Parts, atoms: Mapping[int, Atoms], top: int
) -> Side:
    slots = tuple(sorted(parts))
    places = {slot: place for place, slot in enumerate(slots)}
    conditions: list[Condition] = []
    lookups: list[Lookup] = []
    codes: dict[int, tuple[int, int, list[tuple[int, int]]]] = {}
    shift = 0
    for slot in slots:
        classes = sorted(parts[slot], key=lambda one: one & -one)
        width = _width(len(classes))
        # Neighbours in Gray code differ in one bit, so that each bit changes seldom along the codes.
        numbered = [(one, at ^ (at >> 1)) for at, one in enumerate(classes)]
        codes[slot] = (shift, width, numbered)
        chosen = [sum(one for one, code in numbered if code >> bit & 1) for bit in range(width)]
        for high in (False, True):
            found = [
                Condition(slot, first, (last - first) % top, shift + bit)
                for bit in range(width)
                if (shift + bit >= 8) == high
                for first, last in atoms[slot].ranges(chosen[bit])
            ]
            if len(found) <= MOST_RANGES:
                conditions += found
            else:
                lookups.append(Lookup(slot, high, _flips(atoms[slot], numbered, shift - 8 * high)))
        shift += width
    members = tuple(
        (
            value,
            tuple(
                Member(
                    places[slot],
                    codes[slot][0],
                    codes[slot][1],
                    sum(1 << code for one, code in codes[slot][2] if one & mask),
                    share,
                )
                for slot, (mask, share) in items.items()
            ),
        )
        for value, items in leaves
    )
    return Side(shift, slots, tuple(sorted(conditions, key=lambda one: one.bit)), tuple(lookups), members)


def _flips(atoms: Atoms, numbered: Sequence[tuple[int, int]], shift: int) -> bytes:
    """For each code the bits of its class in one byte of the pattern; `shift` may be below zero."""
    bits = {}
    for mask, code in numbered:
        part = (code << shift if shift >= 0 else code >> -shift) & 0xFF
        bits.update({atom: part for atom in range(atoms.whole.bit_length()) if mask >> atom & 1})
    return bytes(bits[atom] for atom in atoms.each)
