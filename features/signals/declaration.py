"""Calls for help and reports about a household. Of their content nothing is kept, only that they came."""

from features.signals.contract import event
from features.signals.fields import Category

declaration = event(
    "declaration",
    "申报与网格上报",
    "declarations and grid reports",
    ("农户、12345、网格员", "households, the 12345 hotline, grid staff"),
    Category(
        name="channel",
        categories=("self", "hotline", "grid"),
        zh="渠道：自主申报、12345 热线、网格上报",
        en="channel: own declaration, hotline, grid report",
    ),
)
