"""Verified identifications. They tell of neighbours; a household's own is the outcome, never a feature."""

from features.signals.contract import event
from features.signals.fields import Category

identification = event(
    "identification",
    "监测对象识别",
    "identifications",
    ("乡村振兴", "rural revitalisation"),
    Category(
        name="object_type",
        categories=("unstable_formerly_poor", "marginal", "sudden_hardship"),
        zh="对象类型：脱贫不稳定户、边缘易致贫户、突发严重困难户",
        en="type of object",
    ),
)
