"""Income as it was paid, by the four official sources, with the production cost of own business."""

from features.signals.contract import event
from features.signals.fields import Category, Money

income = event(
    "income",
    "收入记录",
    "income records",
    ("人社、农业、民政", "human resources, agriculture, civil affairs"),
    Category(
        name="source",
        categories=("wages", "business", "property", "transfers"),
        zh="收入来源：工资性、经营性、财产性、转移性",
        en="source: wages, own business, property, transfers",
    ),
    Money(name="amount", zh="收入金额", en="amount received, before costs"),
    Money(name="cost", zh="生产经营支出", en="production cost; only own business has one"),
)
