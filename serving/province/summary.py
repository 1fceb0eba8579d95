"""The summary of a province: counts by county and town, which hold nothing of a single household's facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from scoring.block import ACTIONS, Block
from scoring.disagreement import Disagreement
from scoring.families import NONE, Families
from scoring.grades import GRADES
from scoring.triggers import TRIGGERS

COUNTY_DIGITS, TOWN_DIGITS = 6, 9

DISAGREEMENTS: tuple[Disagreement, ...] = get_args(Disagreement)
"""Where the rules and the score part; see `find_disagreement`."""


@dataclass
class Counts:
    """What is counted of an area. `reasons` counts a household once for each code of its risk reasons.

    `nothing_known` of the `households` have no score, and are counted nowhere else.
    """

    households: int = 0
    nothing_known: int = 0
    grades: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rule_hits: Counter[str] = field(default_factory=Counter)
    disagreements: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add the counts of another area."""
        self.households += other.households
        self.nothing_known += other.nothing_known
        for mine, theirs in zip(self._counters(), other._counters(), strict=True):
            mine.update(theirs)

    def as_json(self) -> dict[str, Any]:
        """As plain data; what can be counted and was not there is 0, but for codes of reasons."""
        return {
            "households": self.households,
            "nothing_known": self.nothing_known,
            "grades": {one: self.grades[one] for one in GRADES},
            "actions": {one: self.actions[one] for one in ACTIONS},
            "reasons": dict(sorted(self.reasons.items())),
            "rule_hits": {one.code: self.rule_hits[one.code] for one in TRIGGERS},
            "disagreements": {one: self.disagreements[one] for one in DISAGREEMENTS},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Counts:
        """What `as_json` said."""
        counters = (Counter(said[one]) for one in _COUNTED)
        return cls(said["households"], said["nothing_known"], *counters)

    def _counters(self) -> tuple[Counter[str], ...]:
        return self.grades, self.actions, self.reasons, self.rule_hits, self.disagreements


_COUNTED = ("grades", "actions", "reasons", "rule_hits", "disagreements")


def count_towns(
    block: Block, families: Families, village_codes: npt.NDArray[Any], is_scored: npt.NDArray[np.bool_]
) -> dict[str, Counts]:
    """The counts of each town of n households: `village_codes` (n,) are texts, and the block has those that
    `is_scored` (n,) says, in their order."""
    towns, everybody = np.unique([one[:TOWN_DIGITS] for one in village_codes.tolist()], return_inverse=True)
    town_of = everybody[is_scored]

    def counted(where: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """(towns, columns) from marks (n, columns)."""
        rows, columns = np.nonzero(where)
        flat = np.bincount(town_of[rows] * where.shape[1] + columns, minlength=len(towns) * where.shape[1])
        return flat.reshape(len(towns), where.shape[1])

    codes = sorted(set(families.codes))
    has_code = np.zeros((len(town_of), len(codes)), dtype=np.bool_)
    code_of = np.array([codes.index(one) for one in families.codes])
    rows, places = np.nonzero(block.risk.families != NONE)
    has_code[rows, code_of[block.risk.families[rows, places]]] = True
    has_hit = block.hits.fired.any(axis=1)
    parts = np.stack(
        [has_hit & (block.grades == GRADES.index("low")), ~has_hit & (block.grades == GRADES.index("high"))],
        axis=1,
    )
    tables = {
        "grades": (GRADES, counted(block.grades[:, None] == np.arange(len(GRADES)))),
        "actions": (ACTIONS, counted(block.actions[:, None] == np.arange(len(ACTIONS)))),
        "reasons": (codes, counted(has_code)),
        "rule_hits": ([one.code for one in TRIGGERS], counted(block.hits.fired)),
        "disagreements": (DISAGREEMENTS, counted(parts)),
    }
    sizes, silent = (np.bincount(one, minlength=len(towns)) for one in (everybody, everybody[~is_scored]))
    return {
        str(town): Counts(
            int(sizes[at]),
            int(silent[at]),
            *(
                Counter({name: int(n) for name, n in zip(names, table[at], strict=True) if n})
                for names, table in tables.values()
            ),
        )
        for at, town in enumerate(towns)
    }


def add_up(towns: Mapping[str, Counts]) -> dict[str, Any]:
    """The summary of all towns: the province, and by county and town."""
    province, counties = Counts(), dict[str, Counts]()
    for town in sorted(towns):
        province.add(towns[town])
        counties.setdefault(town[:COUNTY_DIGITS], Counts()).add(towns[town])
    return {
        "province": province.as_json(),
        "counties": {code: one.as_json() for code, one in counties.items()},
        "towns": {town: towns[town].as_json() for town in sorted(towns)},
    }
