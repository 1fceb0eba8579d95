"""The grade of the house the household lives in."""

from features.signals.contract import spell
from features.signals.fields import Category

housing = spell(
    "housing",
    "住房安全",
    "housing safety",
    ("住建", "housing and construction"),
    Category(
        name="grade",
        categories=("A", "B", "C", "D"),
        zh="房屋等级（C、D 级为危房）",
        en="grade of the house; C and D are unsafe",
    ),
)
