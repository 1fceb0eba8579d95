"""Optional parts of a bundle as text: the line that is blended with the trees, and the steps of certainty.

Plain numbers in JSON. Reading checks the form; that the numbers can be is checked where they are held.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scoring.certainty import Steps, VennAbers
from scoring.errors import BundleError
from scoring.line import Blend, Line, Term

LINE, CERTAINTY = "line.json", "certainty.json"
PARTS = (LINE, CERTAINTY)
"""Files that a bundle may hold beside its trees, each with the hash of its bytes in the manifest."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _TermText(_Strict):
    feature: str
    transform: Literal["identity", "signed_log"]
    low: float
    high: float
    median: float
    mean: float
    scale: float
    weight: float
    missing_weight: float
    missing_share: float


class _LineText(_Strict):
    format: Literal[1] = 1
    tree_share: float
    intercept: float
    terms: list[_TermText] = Field(min_length=1)


class _StepsText(_Strict):
    starts: list[float]
    values: list[float]


class _CertaintyText(_Strict):
    format: Literal[1] = 1
    lower: _StepsText
    upper: _StepsText
    usual: list[str]


_Form = TypeVar("_Form", bound=_Strict)


def line_text(blend: Blend) -> str:
    """The text of `line.json`."""
    terms = [dataclasses.asdict(one) for one in blend.line.terms]
    return _text({
        "format": 1, "tree_share": blend.tree_share, "intercept": blend.line.intercept, "terms": terms
    })  # fmt: skip


def read_line(content: bytes, names: tuple[str, ...], directions: tuple[int, ...]) -> Blend:
    """The line of a bundle whose model reads `names`; raises `BundleError` where it cannot be theirs.

    A weight against its feature's direction is refused: such a line would lower a risk that a larger bill has
    to raise.
    """
    read = _read(LINE, content, _LineText)
    if tuple(one.feature for one in read.terms) != names:
        raise BundleError(f"{LINE} has other features than the manifest names, or another order")
    against = [
        one.feature
        for one, direction in zip(read.terms, directions, strict=True)
        if one.weight * direction < 0
    ]
    if against:
        raise BundleError(f"{LINE} weighs against the direction of {', '.join(against)}")
    terms = tuple(Term(**one.model_dump()) for one in read.terms)
    return Blend(Line(read.intercept, terms), read.tree_share)


def certainty_text(steps: VennAbers, names: tuple[str, ...]) -> str:
    """The text of `certainty.json` of a model that reads `names`."""
    return _text({
        "format": 1,
        "lower": dataclasses.asdict(steps.lower),
        "upper": dataclasses.asdict(steps.upper),
        "usual": [name for name, is_usual in zip(names, steps.usual, strict=True) if is_usual],
    })


def read_certainty(content: bytes, names: tuple[str, ...]) -> VennAbers:
    """The steps of a bundle whose model reads `names`; raises `BundleError` where they cannot be."""
    read = _read(CERTAINTY, content, _CertaintyText)
    if not set(read.usual) <= set(names) or len(set(read.usual)) != len(read.usual):
        raise BundleError(f"{CERTAINTY} names features twice, or others than the manifest")
    lower, upper = (Steps(tuple(one.starts), tuple(one.values)) for one in (read.lower, read.upper))
    return VennAbers(lower, upper, tuple(name in read.usual for name in names))


def _text(plain: dict[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _read(file: str, content: bytes, form: type[_Form]) -> _Form:
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        places = sorted({".".join(map(str, one["loc"])) or "the file" for one in error.errors()})
        raise BundleError(f"{file} is not of the known form at: {', '.join(places[:8])}") from None
