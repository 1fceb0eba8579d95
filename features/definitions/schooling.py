"""What schooling costs and leaves."""

from features.definitions.income import income_net_yuan_12m
from features.language import View, feature, greatest
from features.language.expressions import Expr


@feature(
    "近12个月就学自付",
    "schooling cost after aid, last 12 months",
    unit="yuan",
    theme="guarantees",
    cause="09",
    direction=+1,
)
def schooling_cost_after_aid_yuan_12m(schooling: View) -> Expr:
    """Cost − aid of each term, at least 0. Source: 教育 > ¥10,000 a year, DOMAIN §3."""
    return schooling.last(months=12).sum(greatest(0, schooling.cost - schooling.aid))


@feature("近12个月教育资助", "aid for schooling, last 12 months", unit="yuan", theme="guarantees", cause="09")
def schooling_aid_yuan_12m(schooling: View) -> Expr:
    """Grants and aid. No direction: aid goes to those who need it."""
    return schooling.last(months=12).sum("aid")


@feature(
    "近12个月大学支出",
    "university cost, last 12 months",
    unit="yuan",
    theme="guarantees",
    cause="09",
    direction=+1,
)
def schooling_university_cost_yuan_12m(schooling: View) -> Expr:
    """Cost of members at university."""
    return schooling.where(stage="university").last(months=12).sum("cost")


@feature(
    "近12个月失学辍学",
    "dropped out of school, last 12 months",
    unit="yes/no",
    theme="guarantees",
    cause="09",
    direction=+1,
)
def schooling_is_dropped_out_12m(schooling: View) -> Expr:
    """A pupil left compulsory schooling. Source: 义务教育保障, DOMAIN §2."""
    return schooling.where(stage="compulsory", is_dropped_out=True).last(months=12).any()


@feature(
    "近12个月就学自付占净收入比例",
    "schooling cost as a share of net income, last 12 months",
    unit="share",
    theme="guarantees",
    cause="09",
    direction=+1,
)
def schooling_cost_to_income_share_12m() -> Expr:
    """Cost after aid ÷ net income of the last 12 months; missing where there was no income."""
    return schooling_cost_after_aid_yuan_12m / greatest(0, income_net_yuan_12m)
