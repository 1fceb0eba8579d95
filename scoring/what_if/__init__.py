"""What if: measures of the help catalogue → changed facts → reference income, and the model's score."""

from scoring.what_if.outcome import IncomeChange, MeasureEffect, WhatIf, what_if
from scoring.what_if.plan import Choice, Plan, PlanError, PlanFault, make_plan
from scoring.what_if.statement import make_answer

__all__ = [
    "Choice",
    "IncomeChange",
    "MeasureEffect",
    "Plan",
    "PlanError",
    "PlanFault",
    "WhatIf",
    "make_answer",
    "make_plan",
    "what_if",
]
