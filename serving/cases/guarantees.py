"""Two worries, three guarantees and water (两不愁三保障 + 饮水安全), as a visit finds them.

Each is a yes or a no, or nobody looked. A gap always surfaces, whatever a score says (DOMAIN §2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from features.signals import CONTRACTS
from features.signals.fields import Category
from serving.cases.document import DocumentReader

_ITEM = CONTRACTS["guarantee"].field("item")
assert isinstance(_ITEM, Category)
ITEMS: tuple[str, ...] = tuple(_ITEM.categories)
"""food, clothing, housing, schooling, medical, water: the words of the feed."""


class Check(StrEnum):
    """What a visit says of one guarantee."""

    YES = "yes"
    NO = "no"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Guarantees:
    """The checks of one visit; an item that is not named was not checked."""

    answers: Mapping[str, Check]

    def of(self, item: str) -> Check:
        """What was found of an item."""
        return self.answers.get(item, Check.NOT_CHECKED)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Items that are not guaranteed."""
        return tuple(one for one in ITEMS if self.of(one) is Check.NO)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Items that nobody looked at: not the same as guaranteed."""
        return tuple(one for one in ITEMS if self.of(one) is Check.NOT_CHECKED)

    def as_json(self) -> dict[str, str]:
        """Every item with its answer."""
        return {one: self.of(one).value for one in ITEMS}

    @classmethod
    def of_kept(cls, kept: Mapping[str, str]) -> Guarantees:
        """The inverse of `as_json`."""
        return cls({item: Check(answer) for item, answer in kept.items()})


def read_guarantees(reader: DocumentReader, given: Any, at: str) -> Guarantees:
    """The checks from a document; what is wrong is noted with the reader."""
    there = reader.object(given, at, ITEMS)
    answers = {item: reader.word(answer, f"{at}/{item}", tuple(Check)) for item, answer in there.items()}
    return Guarantees({item: Check(one) for item, one in answers.items() if one is not None})
