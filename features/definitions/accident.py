"""Accidents, deaths and losses of earners: what takes a household's strength at one blow."""

from features.language import View, feature, greatest
from features.language.expressions import Expr


@feature(
    "近12个月意外事故次数",
    "accidents, last 12 months",
    unit="count",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_count_12m(accident: View) -> Expr:
    """Accidents of members on police records."""
    return accident.last(months=12).count()


@feature(
    "近24个月意外事故次数",
    "accidents, last 24 months",
    unit="count",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_count_24m(accident: View) -> Expr:
    """Accidents over two years."""
    return accident.last(months=24).count()


@feature(
    "近12个月重伤事故次数",
    "severe accidents, last 12 months",
    unit="count",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_severe_count_12m(accident: View) -> Expr:
    """Accidents with severe or fatal injury."""
    return accident.where(accident.injury.is_in("severe", "fatal")).last(months=12).count()


@feature(
    "近24个月有人因事故死亡",
    "fatal accident, last 24 months",
    unit="yes/no",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_is_fatal_24m(accident: View) -> Expr:
    """Whether a member died in an accident."""
    return accident.where(injury="fatal").last(months=24).any()


@feature(
    "近24个月交通事故次数",
    "traffic accidents, last 24 months",
    unit="count",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_traffic_count_24m(accident: View) -> Expr:
    """Traffic accidents, whoever caused them."""
    return accident.where(kind="traffic").last(months=24).count()


@feature(
    "近24个月生产事故次数",
    "accidents at work, last 24 months",
    unit="count",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_work_count_24m(accident: View) -> Expr:
    """Accidents at work."""
    return accident.where(kind="work").last(months=24).count()


@feature(
    "近12个月事故未获赔损失",
    "accident loss not compensated, last 12 months",
    unit="yuan",
    theme="accident",
    cause="05",
    direction=+1,
)
def accident_uncompensated_yuan_12m(accident: View) -> Expr:
    """Loss − compensation of each accident, at least 0."""
    return accident.last(months=12).sum(greatest(0, accident.loss - accident.compensated))


@feature(
    "近12个月事故获赔金额", "accident compensation, last 12 months", unit="yuan", theme="accident", cause="05"
)
def accident_compensated_yuan_12m(accident: View) -> Expr:
    """What insurance or the person at fault paid. No direction: large payments follow large harm."""
    return accident.last(months=12).sum("compensated")


@feature(
    "距最近一次事故天数",
    "days since the last accident",
    unit="days",
    theme="accident",
    cause="05",
    direction=-1,
)
def accident_days_since_last(accident: View) -> Expr:
    """Days since the last accident of the last 24 months; the whole window where there was none."""
    return accident.last(months=24).days_since_last()


@feature(
    "近12个月死亡人数", "deaths, last 12 months", unit="persons", theme="accident", cause="05", direction=+1
)
def civil_death_count_12m(civil: View) -> Expr:
    """Members who died, of whatever cause."""
    return civil.where(kind="death").last(months=12).count()


@feature(
    "近24个月失去主要劳动力",
    "main earner lost, last 24 months",
    unit="yes/no",
    theme="accident",
    cause="04",
    direction=+1,
)
def civil_is_earner_lost_24m(civil: View) -> Expr:
    """A main earner died, moved out or went to prison. Source: 民政 death of the earner, DOMAIN §3."""
    return (
        civil
        .where(civil.kind.is_in("death", "moved_out", "imprisoned"), is_earner=True)
        .last(months=24)
        .any()
    )


@feature(
    "近24个月有成员服刑",
    "member imprisoned, last 24 months",
    unit="yes/no",
    theme="accident",
    cause="04",
    direction=+1,
)
def civil_is_member_imprisoned_24m(civil: View) -> Expr:
    """A member went to prison. Source: 公安 list, DOMAIN §3."""
    return civil.where(kind="imprisoned").last(months=24).any()


@feature("近24个月新生儿人数", "births, last 24 months", unit="persons", theme="composition", cause="04")
def civil_birth_count_24m(civil: View) -> Expr:
    """Children born into the household."""
    return civil.where(kind="birth").last(months=24).count()


@feature("近24个月离婚", "divorce, last 24 months", unit="yes/no", theme="composition", cause="04")
def civil_is_divorced_24m(civil: View) -> Expr:
    """A member divorced: two poorer households are often made of one."""
    return civil.where(kind="divorce").last(months=24).any()


@feature(
    "近12个月迁入迁出人次", "moves in or out, last 12 months", unit="count", theme="composition", cause="04"
)
def civil_moved_count_12m(civil: View) -> Expr:
    """Members who moved in or out."""
    return civil.where(civil.kind.is_in("moved_in", "moved_out")).last(months=12).count()
