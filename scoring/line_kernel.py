"""The line's kernel: strips of rows, feature by feature in one order, so that no batch size changes a bit.

A strip's values of one feature lie side by side, so that the compiler works on several rows at once. Every
step is one rounded operation, whether the compiler takes rows together or one by one. That is why the
logarithm is written out: the library's takes one number at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]

STRIP = 256
"""Rows that are worked on at once: enough for loops to pay, few enough to stay in the second cache."""

_LARGEST = float(np.finfo(np.float64).max)
_NEAR = 0.41421
"""Up to here 1 + x needs no scaling: about √2 − 1."""
_FRACTION = (1 << 52) - 1
_ROOT = 0x6A09E << 32
"""The fraction of √2, to the digits that fdlibm compares."""
_HIGH, _LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log 2 in two parts, the first with zeros at its end: a power of two times it is exact."""
_1, _2, _3, _4, _5, _6, _7 = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip


@compiled
def take_logs(values: Floats, count: int, scaled: Floats, powers: Floats) -> None:
    """sign(x) · log(1 + |x|) of the first `count` values, in place; infinity counts as the largest number.

    `scaled` and `powers` are room for as many. What becomes of NaN is not said. The steps are those of
    fdlibm's log1p (Sun Microsystems 1993, s_log1p.c) without its short cuts: 1 + x = 2^k · (1 + f) with
    1 + f between √2 / 2 and √2, and log(1 + f) from a polynomial in s = f / (2 + f). Errors are below 2 units
    in the last place.
    """
    bits = scaled.view(np.int64)
    for row in range(count):
        scaled[row] = 1.0 + min(abs(values[row]), _LARGEST)
    for row in range(count):
        word = bits[row]
        fraction = word & _FRACTION
        up = np.int64(fraction >= _ROOT)
        powers[row] = np.float64(np.int32((word >> 52) - 1023 + up))
        bits[row] = fraction | ((1023 - up) << 52)
    for row in range(count):
        size = min(abs(values[row]), _LARGEST)
        one = 1.0 + size
        # What was lost by rounding 1 + x.
        lost = (1.0 - (one - size) if one >= 2.0 else size - (one - 1.0)) / one
        is_near = size < _NEAR
        lost = 0.0 if is_near else lost
        f = size if is_near else scaled[row] - 1.0
        half = 0.5 * f * f
        s = f / (2.0 + f)
        z = s * s
        zz = z * z
        tail = z * _1 + zz * (_2 + z * _3) + zz * zz * (_4 + z * _5) + zz * zz * zz * (_6 + z * _7)
        power = powers[row]
        found = power * _HIGH - ((half - (s * (half + tail) + (power * _LOW + lost))) - f)
        values[row] = -found if values[row] < 0.0 else found


@compiled
def add_line(
    is_log: npt.NDArray[np.bool_],
    low: Floats,
    high: Floats,
    slope: Floats,
    known: Floats,
    missing: Floats,
    intercept: float,
    tree_share: float,
    matrix: Floats,
    start: int,
    stop: int,
    margins: Floats,
    values: Floats,
    base: Floats,
) -> None:
    """Margins of rows `start` to `stop` into `margins`, if `values` is empty.

    Otherwise `margins`, `values` and `base` are the trees', and become those of the sum: `tree_share` ×
    theirs and 1 − `tree_share` times the line's. A feature adds `slope` × value + `known`, or `missing` where
    it has no value.
    """
    line_share = 1 - tree_share
    is_told = len(values) > 0
    features = len(slope)
    # One row's features lie side by side as a strip's rows do.
    room = np.empty((5, features if stop - start == 1 else min(STRIP, stop - start)))
    held, adds, scaled, powers, sums = room[0], room[1], room[2], room[3], room[4]
    if stop - start == 1:
        held[:] = matrix[start]
        adds[:] = held
        take_logs(adds, features, scaled, powers)
        for at in range(features):
            value = adds[at] if is_log[at] else held[at]
            value = slope[at] * min(max(value, low[at]), high[at]) + known[at]
            adds[at] = missing[at] if held[at] != held[at] else value
        margin = intercept
        for at in range(features):
            margin += adds[at]
        if is_told:
            for at in range(features):
                values[start, at] = tree_share * values[start, at] + line_share * adds[at]
            margin = tree_share * margins[start] + line_share * margin
            base[start] = tree_share * base[start] + line_share * intercept
        margins[start] = margin
        return
    for first in range(start, stop, STRIP):
        count = min(STRIP, stop - first)
        sums[:count] = intercept
        for at in range(features):
            is_worked = False
            for row in range(count):
                value = matrix[first + row, at]
                held[row] = value
                adds[row] = value
                # Neither zero nor missing: most amounts and counts are zero.
                is_worked |= abs(value) > 0.0
            if is_log[at] and is_worked and slope[at] != 0.0:
                take_logs(adds, count, scaled, powers)
            gradient, least, most, offset, none = slope[at], low[at], high[at], known[at], missing[at]
            for row in range(count):
                value = gradient * min(max(adds[row], least), most) + offset
                adds[row] = none if held[row] != held[row] else value
            for row in range(count):
                sums[row] += adds[row]
            if is_told:
                for row in range(count):
                    values[first + row, at] = tree_share * values[first + row, at] + line_share * adds[row]
        for row in range(count):
            margin = sums[row]
            if is_told:
                margin = tree_share * margins[first + row] + line_share * margin
                base[first + row] = tree_share * base[first + row] + line_share * intercept
            margins[first + row] = margin
