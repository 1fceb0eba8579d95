"""Troubles of a household's own production: prices, epidemics, failed crops, goods nobody buys."""

from features.signals.contract import event
from features.signals.fields import Category, Count, Money

production = event(
    "production",
    "产业异常",
    "production troubles",
    ("农业农村", "agriculture"),
    Category(
        name="branch",
        categories=("crops", "livestock", "forest_fruit", "aquaculture", "other"),
        zh="产业：种植、养殖、林果、水产、其他",
        en="branch of production",
    ),
    Category(
        name="trouble",
        categories=("price_fall", "epidemic", "failure", "unsold"),
        zh="异常：价格下跌、疫病、歉收、滞销",
        en="trouble",
    ),
    Money(name="loss", zh="预计损失", en="expected loss"),
    Count(name="loss_percent", maximum=100, unit="%", zh="损失比例", en="share of the product lost"),
)
