"""What a batch worked out about the household's village, as known on the day, until the next batch did.

No department delivers it. `features.neighbourhood` materialises it, and the service looks it up.
"""

from features.signals.contract import spell
from features.signals.fields import Count, Money

neighbourhood = spell(
    "neighbourhood",
    "邻里情况",
    "neighbourhood",
    ("平台汇总", "worked out by the platform"),
    Count(name="households", maximum=100_000, zh="本村户数", en="households of the village"),
    Money(
        name="median_income",
        minimum_yuan=-1_000_000,
        zh="本村人均净收入中位数",
        en="median net income per person, last 12 months",
    ),
    Money(
        name="median_self_paid",
        zh="本村户均医疗自付中位数",
        en="median self-paid medical cost, last 12 months",
    ),
    Count(
        name="struck",
        maximum=100_000,
        zh="近12个月受灾户数",
        en="households struck by disaster, last 12 months",
    ),
    Count(
        name="identified",
        maximum=100_000,
        zh="近12个月新识别户数",
        en="households newly identified, last 12 months",
    ),
)
