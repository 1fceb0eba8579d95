"""The income-and-spending account (收支细账) a visit works out, line by line.

`occurred_on` is when the money came or went, `known_on` the visit. Which lines count into reference income
is DOMAIN §2's: gifts, house building and treatment that is not medical are written down and do not count.
"""

from features.signals.contract import event
from features.signals.fields import Category, Money

WAGES = ("wages_migrant", "wages_local", "wages_welfare_post", "wages_picking")
BUSINESS = ("crops", "livestock", "forest_fruit", "other_business")
COSTS = ("cost_crops", "cost_livestock", "cost_forest_fruit", "cost_other_business")
PROPERTY = ("asset_dividends", "land_transfer", "other_property")
TRANSFERS = (
    "dibao",
    "tekun",
    "pension",
    "farm_forest_subsidies",
    "disability_subsidies",
    "education_aid",
    "disaster_relief",
    "maintenance",
    "other_transfers",
)
PAYOUTS = ("payout_medical", "payout_accident", "payout_farming")
SELF_PAID = ("self_paid_medical", "self_paid_schooling")
NOT_COUNTED = ("gifts", "house_building", "non_medical_treatment")

account = event(
    "account",
    "收支细账",
    "income-and-spending account",
    ("驻村工作队、村干部", "village cadres at the visit"),
    Category(
        name="line",
        categories=(*WAGES, *BUSINESS, *COSTS, *PROPERTY, *TRANSFERS, *PAYOUTS, *SELF_PAID, *NOT_COUNTED),
        zh="细账科目",
        en="line of the account",
    ),
    Money(name="amount", zh="金额", en="amount of the line"),
)
