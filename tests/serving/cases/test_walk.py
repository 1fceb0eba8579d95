"""The machine walked at random: no invariant breaks, whatever is tried in whatever order."""

from __future__ import annotations

import datetime as dt
import random
from itertools import product

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serving.access import Role
from serving.cases.case import Case
from serving.cases.errors import MoveRefused
from serving.cases.moves import MOVES
from serving.cases.moving import earliest_due, make_move, opening_clocks, possible_moves
from serving.cases.next_step import Met
from serving.cases.practice import practice_of
from serving.cases.state import CaseState
from tests.serving.cases.walking import EDGES, PEOPLE, Passed, check_case, check_step, some_facts

VILLAGES = ("500230100201", "500119100201", "500237100201", "500229100201", "500999100201", "620102001001")
NOW = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
WALKS, STEPS = 1_000, 50
RARELY = {"exclude": 0.1, "send_back": 0.3}
"""Steps that would end most walks, or turn them back, long before anybody identifies the household."""


def new_case(village: str, on: dt.date) -> Case:
    practice = practice_of(village, on)
    return Case(
        id="0" * 32, household_id="H1", village_code=village, state=CaseState.FOUND, version=1,
        practice=practice.key, opened_on=on, entered_on=on, grade=1, theme="illness", is_hard=True,
        disagreement=None, causes=("01",), owner=practice.owner(CaseState.FOUND), changed_at=NOW,
        due_on=earliest_due(opening_clocks(practice, village, on), village),
    )  # fmt: skip


def walk(seed: int, village: str) -> Passed:
    """One household's way, step by step; fails where an invariant breaks."""
    dice, on = random.Random(seed), dt.date(2026, 2, 27)
    practice = practice_of(village, on)
    case, clocks, way = new_case(village, on), opening_clocks(practice, village, on), Passed()
    check_case(case, clocks, way)
    for _ in range(STEPS):
        on += dt.timedelta(days=dice.choice([0, 0, 1, 1, 3, 7, 40]))
        role = dice.choice([*Role, *PEOPLE, *PEOPLE])
        open_to = [one.name for one in possible_moves(case, role, practice)]
        if open_to and dice.random() < 0.8:
            (name,) = dice.choices(open_to, [RARELY.get(one, 1) for one in open_to])
        else:
            name = dice.choice([*MOVES, "invent"])
        facts = some_facts(name, on, dice) if name in MOVES else {}
        met = dice.choice([None, *(Met(on, *found) for found in product((True, False), repeat=3))])
        try:
            moved = make_move(case, clocks, name, role, facts, on, practice, NOW, met)
        except MoveRefused:
            continue
        check_step(case, moved.case, role, moved.facts, on, way)
        check_case(moved.case, moved.clocks, way)
        # Whoever's turn it is has something to do, whatever was found.
        assert possible_moves(moved.case, moved.case.owner, practice)
        # Nothing that was not asked for is kept, and every clock of before is still there.
        assert set(moved.facts) <= {one.name for one in MOVES[name].facts}
        assert {(one.clock, one.round) for one in clocks} <= {(one.clock, one.round) for one in moved.clocks}
        case, clocks = moved.case, moved.clocks
    return way


def test_no_walk_breaks_an_invariant() -> None:
    seen: set[tuple[CaseState, CaseState]] = set()

    @settings(max_examples=WALKS, deadline=None, derandomize=True, database=None,
              phases=[Phase.generate, Phase.shrink], suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
    @given(st.integers(0, 2**64), st.sampled_from(VILLAGES))
    def walk_all(seed: int, village: str) -> None:
        seen.update(walk(seed, village).seen)

    walk_all()
    # The walks went wherever a case may get; otherwise they would prove little.
    assert seen == EDGES
