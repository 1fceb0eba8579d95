"""How the household stands among its neighbours."""

from features.definitions.income import income_net_per_person_yuan_12m
from features.language import View, feature
from features.language.expressions import Expr


@feature("本村户数", "households of the village", unit="count", theme="neighbourhood", cause="99")
def neighbourhood_households_count(neighbourhood: View) -> Expr:
    """Registered households of the village."""
    return neighbourhood.open().max("households")


@feature(
    "本村一般人均净收入",
    "usual net income per person in the village",
    unit="yuan per person",
    theme="neighbourhood",
    cause="99",
)
def neighbourhood_median_income_yuan(neighbourhood: View) -> Expr:
    """Median over the village's households, last 12 months."""
    return neighbourhood.open().max("median_income")


@feature(
    "人均净收入相当于本村一般水平的比例",
    "income per person as a share of what is usual in the village",
    unit="share",
    theme="neighbourhood",
    cause="99",
    direction=-1,
)
def neighbourhood_income_to_median_share() -> Expr:
    """Net income per person ÷ the village's median."""
    return income_net_per_person_yuan_12m / neighbourhood_median_income_yuan


@feature(
    "本村一般每户医疗自付",
    "usual self-paid medical cost of a household in the village",
    unit="yuan",
    theme="neighbourhood",
    cause="01",
)
def neighbourhood_median_self_paid_yuan(neighbourhood: View) -> Expr:
    """Median over the village's households, last 12 months."""
    return neighbourhood.open().max("median_self_paid")


@feature(
    "本村近12个月受灾户比例",
    "share of the village struck by disaster, last 12 months",
    unit="share",
    theme="neighbourhood",
    cause="02",
)
def neighbourhood_struck_share(neighbourhood: View) -> Expr:
    """Households on an affected list ÷ households of the village."""
    return neighbourhood.open().max("struck") / neighbourhood.open().max("households")


@feature(
    "本村近12个月新识别户比例",
    "share of the village newly identified, last 12 months",
    unit="share",
    theme="neighbourhood",
    cause="99",
)
def neighbourhood_identified_share(neighbourhood: View) -> Expr:
    """Households newly identified ÷ households of the village, as known on the date."""
    return neighbourhood.open().max("identified") / neighbourhood.open().max("households")
