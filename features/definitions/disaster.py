"""What disasters took from the household."""

from features.definitions.income import income_net_yuan_12m
from features.language import View, feature, greatest
from features.language.expressions import Expr


@feature(
    "近12个月受灾次数", "disasters, last 12 months", unit="count", theme="accident", cause="02", direction=+1
)
def disaster_count_12m(disaster: View) -> Expr:
    """Times on an affected list."""
    return disaster.last(months=12).count()


@feature(
    "近12个月受灾损失",
    "disaster loss, last 12 months",
    unit="yuan",
    theme="accident",
    cause="02",
    direction=+1,
)
def disaster_loss_yuan_12m(disaster: View) -> Expr:
    """Assessed losses."""
    return disaster.last(months=12).sum("loss")


@feature(
    "近24个月受灾损失",
    "disaster loss, last 24 months",
    unit="yuan",
    theme="accident",
    cause="02",
    direction=+1,
)
def disaster_loss_yuan_24m(disaster: View) -> Expr:
    """Assessed losses over two years: what savings had to bear."""
    return disaster.last(months=24).sum("loss")


@feature(
    "近12个月受灾损失占净收入比例",
    "disaster loss as a share of net income, last 12 months",
    unit="share",
    theme="accident",
    cause="02",
    direction=+1,
)
def disaster_loss_to_income_share_12m() -> Expr:
    """Loss ÷ net income of the last 12 months; missing where there was no income."""
    return disaster_loss_yuan_12m / greatest(0, income_net_yuan_12m)


@feature(
    "近12个月最大农作物损失",
    "worst crop loss, last 12 months",
    unit="percent",
    theme="accident",
    cause="02",
    direction=+1,
)
def disaster_crop_loss_percent_12m(disaster: View) -> Expr:
    """The largest share of the crop lost in one disaster."""
    return disaster.last(months=12).max("crop_loss_percent", empty=0)


@feature(
    "近24个月住房受损",
    "house damaged, last 24 months",
    unit="yes/no",
    theme="accident",
    cause="02",
    direction=+1,
)
def disaster_is_house_damaged_24m(disaster: View) -> Expr:
    """Whether a disaster damaged the house."""
    return disaster.where(is_house_damaged=True).last(months=24).any()
