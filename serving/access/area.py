"""Households that a caller sends: all of them lie in the caller's area, or the request is refused."""

from __future__ import annotations

from collections.abc import Iterable

from serving.access.caller import Caller
from serving.errors import FieldError, Problem

OUTSIDE_AREA = "outside_area"
WAY_OUT = "send households of the area that the key is for, with their village's own code"
WAY_OUT_ZH = "请只报送密钥所属区域内的农户，并核对村级区划代码"


def check_within(caller: Caller, village_codes: Iterable[str]) -> None:
    """Raise `Problem` where a village, in the order of the request's households, lies outside.

    It says nothing but what the request itself said: whether such a household is stored plays no part.
    """
    errors = [
        FieldError(f"/households/{number}/signals/household", OUTSIDE_AREA, WAY_OUT)
        for number, village in enumerate(village_codes)
        if not caller.scope.contains(village)
    ]
    if errors:
        raise Problem("request_invalid", errors=errors)
