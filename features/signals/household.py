"""The household register: who lives where, and whether they were registered poor before."""

from features.signals.contract import spell
from features.signals.fields import Category, Count, Identifier

household = spell(
    "household",
    "农户登记",
    "household register",
    ("乡村振兴", "rural revitalisation"),
    Identifier(
        name="village_code",
        pattern=r"[0-9A-Z]{12}",
        zh="村级区划代码",
        en="12-digit area code of the village",
    ),
    Category(
        name="background",
        categories=("formerly_poor", "other"),
        zh="是否脱贫户",
        en="registered poor before 2021, or not",
    ),
    Count(name="land_mu", maximum=10_000, usual_maximum=100, unit="mu", zh="耕地面积", en="contracted land"),
)
