"""Checks of the two worries, three guarantees and water: yes, no or unknown, until the next check."""

from features.signals.contract import spell
from features.signals.fields import Category

guarantee = spell(
    "guarantee",
    "两不愁三保障核查",
    "checks of the guarantees",
    ("乡村振兴", "rural revitalisation"),
    Category(
        name="item",
        categories=("food", "clothing", "housing", "schooling", "medical", "water"),
        zh="项目：吃、穿、住房安全、义务教育、基本医疗、饮水安全",
        en="what was checked",
    ),
    Category(
        name="answer",
        categories=("yes", "no", "unknown"),
        zh="结果：有保障、无保障、未知",
        en="whether it is guaranteed",
    ),
)
