"""The steps of a case by the names of an area's practice."""

from __future__ import annotations

import datetime as dt

from serving.cases.state import CaseState as S
from serving.console.stages import stage_names

ON = dt.date(2026, 11, 2)


def test_steps_that_a_county_calls_the_same_are_told_apart() -> None:
    for language in ("zh", "en"):
        for area in ("", "50", "500230", "500119", "500237", "500229", "500999100201"):
            names = stage_names(area, ON, language)
            assert list(names) == list(S)
            assert len(set(names.values())) == len(names), (area, language)
    fengdu = stage_names("500230", ON, "zh")
    assert (fengdu[S.ALERTED], fengdu[S.VERIFYING]) == ("预警核实（预警）", "预警核实（入户核实）")
    assert fengdu[S.RESOLVED] == "限时清零"
