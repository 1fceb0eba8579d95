"""Four features of four rows at a time: the inner steps of the kernel, written for the compiler's vectors.

Tables keep a row's features side by side, sums keep a feature's rows side by side. Four rows are loaded as
vectors of four features, turned over in registers and added as vectors of four rows: a quarter of the loads
and stores of adding one number at a time. A single row has its own steps, four features at a time, and
conditions a word at a time. LLVM lowers the vectors to whatever the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as untyped_intrinsic

_DOUBLE = ir.DoubleType()
_FOUR = ir.VectorType(_DOUBLE, 4)
_INDEX = ir.IntType(32)
_WORD = ir.IntType(64)

WORD = 64
"""Conditions that are compared at once."""


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's decorator; what it makes is called with the arguments after `typing`."""
    made: Callable[..., Any] = untyped_intrinsic(function)
    return made


def _shuffle(builder: Any, one: Any, other: Any, lanes: tuple[int, ...]) -> Any:
    mask = ir.Constant(ir.VectorType(_INDEX, len(lanes)), list(lanes))
    return builder.shuffle_vector(one, other, mask)


def _turn(builder: Any, rows: list[Any]) -> list[Any]:
    """Transpose four vectors of four."""
    low = [_shuffle(builder, rows[at], rows[at + 1], (0, 4, 2, 6)) for at in (0, 2)]
    high = [_shuffle(builder, rows[at], rows[at + 1], (1, 5, 3, 7)) for at in (0, 2)]
    return [
        _shuffle(builder, low[0], low[1], (0, 1, 4, 5)),
        _shuffle(builder, high[0], high[1], (0, 1, 4, 5)),
        _shuffle(builder, low[0], low[1], (2, 3, 6, 7)),
        _shuffle(builder, high[0], high[1], (2, 3, 6, 7)),
    ]


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _place(builder: Any, data: Any, offset: Any) -> Any:
    return builder.bitcast(builder.gep(data, [offset]), _FOUR.as_pointer())


def _add_turned(builder: Any, data: Any, places: list[Any], rows: list[Any]) -> None:
    for offset, lane in zip(places, _turn(builder, rows), strict=True):
        pointer = _place(builder, data, offset)
        held = builder.load(pointer)
        held.align = 8
        stored = builder.store(builder.fadd(held, lane), pointer)
        stored.align = 8


def _add_product(builder: Any, source: Any, mass: Any, offset: Any, held: Any) -> None:
    """held[j] += source[mass] · source[offset + j], in one rounding where the processor can."""
    factor = builder.load(builder.gep(source, [mass]))
    spread = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), factor, _INDEX(0))
    spread = _shuffle(builder, spread, spread, (0, 0, 0, 0))
    four = builder.load(_place(builder, source, offset))
    four.align = 8
    product = builder.fmul(spread, four, flags=("contract",))
    builder.store(builder.fadd(builder.load(held), product, flags=("contract",)), held)


@intrinsic
def add_looked_up(typing: Any, sums: Any, s0: Any, s1: Any, s2: Any, s3: Any,
                  table: Any, t0: Any, t1: Any, t2: Any, t3: Any) -> Any:  # fmt: skip
    """sums[s_j + r] += table[t_r + j] for four features j and four rows r."""
    signature = types.void(sums, *[types.intp] * 4, table, *[types.intp] * 4)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        source = _data(context, builder, signature.args[5], arguments[5])
        rows = []
        for offset in arguments[6:]:
            row = builder.load(_place(builder, source, offset))
            row.align = 8
            rows.append(row)
        _add_turned(builder, data, list(arguments[1:5]), rows)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_products(typing: Any, sums: Any, s0: Any, s1: Any, s2: Any, s3: Any,
                 table: Any, order: Any, step: Any, t0: Any, t1: Any, t2: Any, t3: Any,
                 m0: Any, m1: Any, m2: Any, m3: Any) -> Any:  # fmt: skip
    """sums[s_j + r] += Σ_k table[m_r + k] · table[t_r + k · step + j], k below `order`."""
    signature = types.void(sums, *[types.intp] * 4, table, *[types.intp] * 10)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        source = _data(context, builder, signature.args[5], arguments[5])
        order, step = arguments[6:8]
        starts, masses = arguments[8:12], arguments[12:16]
        nothing = ir.Constant(_FOUR, [0.0] * 4)
        held = [cgutils.alloca_once_value(builder, nothing) for _ in range(4)]
        with cgutils.for_range(builder, order) as loop:
            shift = builder.mul(loop.index, step)
            for at in range(4):
                mass = builder.add(masses[at], loop.index)
                _add_product(builder, source, mass, builder.add(starts[at], shift), held[at])
        _add_turned(builder, data, list(arguments[1:5]), [builder.load(one) for one in held])
        return context.get_dummy_value()

    return signature, generate


def _add_to_slots(builder: Any, sums: Any, slots: Any, first: Any, four: Any) -> None:
    """sums[slots[first + j]] += four[j]: all are read before any is written, only the spare slot is twice."""
    places = []
    for at in range(4):
        slot = builder.load(builder.gep(slots, [builder.add(first, first.type(at))]))
        places.append(builder.gep(sums, [builder.zext(slot, _WORD)]))
    held = [builder.load(one) for one in places]
    for at in range(4):
        lane = builder.extract_element(four, _INDEX(at))
        builder.store(builder.fadd(held[at], lane), places[at])


@intrinsic
def add_four(typing: Any, sums: Any, slots: Any, first: Any, table: Any, start: Any) -> Any:
    """sums[slots[first + j]] += table[start + j] for four features j of one row."""
    signature = types.void(sums, slots, types.intp, table, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, places, source = (
            _data(context, builder, signature.args[at], arguments[at]) for at in (0, 1, 3)
        )
        four = builder.load(_place(builder, source, arguments[4]))
        four.align = 8
        _add_to_slots(builder, data, places, arguments[2], four)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_four_products(typing: Any, sums: Any, slots: Any, first: Any,
                      table: Any, order: Any, step: Any, start: Any, mass: Any) -> Any:  # fmt: skip
    """sums[slots[first + j]] += Σ_k table[mass + k] · table[start + k · step + j], k below `order`."""
    signature = types.void(sums, slots, types.intp, table, *[types.intp] * 4)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, places, source = (
            _data(context, builder, signature.args[at], arguments[at]) for at in (0, 1, 3)
        )
        order, step, start, mass = arguments[4:]
        held = cgutils.alloca_once_value(builder, ir.Constant(_FOUR, [0.0] * 4))
        with cgutils.for_range(builder, order) as loop:
            offset = builder.add(start, builder.mul(loop.index, step))
            _add_product(builder, source, builder.add(mass, loop.index), offset, held)
        _add_to_slots(builder, data, places, arguments[2], builder.load(held))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def met(typing: Any, codes: Any, start: Any, span: Any, first: Any) -> Any:
    """Bits of one word: which of the conditions from `first` hold, code − start, wrapped around, ≤ span."""
    signature = types.uint64(codes, start, span, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read = []
        for kind, array in zip(signature.args[:3], arguments[:3], strict=True):
            data = builder.gep(_data(context, builder, kind, array), [arguments[3]])
            many = ir.VectorType(data.type.pointee, WORD)
            vector = builder.load(builder.bitcast(data, many.as_pointer()))
            vector.align = 1
            read.append(vector)
        holds = builder.icmp_unsigned("<=", builder.sub(read[0], read[1]), read[2])
        return builder.bitcast(holds, _WORD)

    return signature, generate


@intrinsic
def lowest_bit(typing: Any, word: Any) -> Any:
    """The place of the lowest bit that is set in a word of 64; 64 for none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
def fetch_ahead(typing: Any, table: Any, offset: Any) -> Any:
    """Ask for a place of a table to be brought into the cache; changes nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INDEX, _INDEX, _INDEX])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        # To read, kept in all caches, data.
        builder.call(fetch, [pointer, _INDEX(0), _INDEX(3), _INDEX(1)])
        return context.get_dummy_value()

    return types.void(table, types.intp), generate
