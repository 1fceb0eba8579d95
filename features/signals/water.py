"""The household's drinking water."""

from features.signals.contract import spell
from features.signals.fields import Category

water = spell(
    "water",
    "饮水安全",
    "drinking water",
    ("水利", "water resources"),
    Category(
        name="supply",
        categories=("safe", "cut", "quality_failed"),
        zh="供水情况：安全、停水、水质不合格",
        en="state of the supply",
    ),
)
