"""Four features of four rows at a time: the inner steps of the kernel, written for the compiler's vectors.

Tables keep a row's features side by side, sums keep a feature's rows side by side. Four rows are loaded as
vectors of four features, turned over in registers and added as vectors of four rows: a quarter of the loads
and stores of adding one number at a time. LLVM lowers the vectors to whatever the processor has.
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
                mass = builder.load(builder.gep(source, [builder.add(masses[at], loop.index)]))
                spread = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), mass, _INDEX(0))
                spread = _shuffle(builder, spread, spread, (0, 0, 0, 0))
                four = builder.load(_place(builder, source, builder.add(starts[at], shift)))
                four.align = 8
                product = builder.fmul(spread, four, flags=("contract",))
                builder.store(builder.fadd(builder.load(held[at]), product, flags=("contract",)), held[at])
        _add_turned(builder, data, list(arguments[1:5]), [builder.load(one) for one in held])
        return context.get_dummy_value()

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
