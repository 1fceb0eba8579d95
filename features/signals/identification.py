"""Verified identifications. They tell of neighbours; a household's own is the outcome, never a feature.

A spell of monitoring: it begins with the identification and ends with the elimination (风险消除).
"""

from features.signals.contract import spell
from features.signals.fields import Category, Flag

identification = spell(
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
    Category(
        name="cause",
        categories=("01", "02", "03", "04", "05", "06", "07", "09", "99"),
        is_required=False,
        zh="主要致贫原因代码",
        en="code of the main cause",
    ),
    Flag(
        name="is_whole_without_labour",
        is_required=False,
        zh="标注为整户无劳动力",
        en="labelled as a whole household without labour",
    ),
    Flag(
        name="has_measure",
        is_required=False,
        zh="已落实帮扶措施",
        en="whether a measure was delivered while it was monitored",
    ),
)
