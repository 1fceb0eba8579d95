"""Signals: dated records from departments, one contract per feed, and what of them is known when."""

from features.signals.accident import accident
from features.signals.account import account
from features.signals.assistance import assistance
from features.signals.civil import civil
from features.signals.contract import Contract
from features.signals.coverage import Coverage, Covered, Delivery, complete
from features.signals.declaration import declaration
from features.signals.defects import RowDefect
from features.signals.disability import disability
from features.signals.disaster import disaster
from features.signals.employment import employment
from features.signals.guarantee import guarantee
from features.signals.household import household
from features.signals.housing import housing
from features.signals.identification import identification
from features.signals.illness import illness
from features.signals.income import income
from features.signals.insurance import insurance
from features.signals.loan import loan
from features.signals.member import member
from features.signals.neighbourhood import neighbourhood
from features.signals.production import production
from features.signals.schooling import schooling
from features.signals.water import water

CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        household,
        member,
        income,
        illness,
        disaster,
        employment,
        accident,
        civil,
        production,
        loan,
        schooling,
        housing,
        water,
        assistance,
        disability,
        declaration,
        insurance,
        guarantee,
        account,
        identification,
        neighbourhood,
    )
}
"""Every feed by its name, in the order people read them."""

OUTCOME_FEEDS = ("identification",)
"""Feeds that hold the outcome itself: they tell of neighbours, never of the household."""

REQUEST_FEEDS = {name: one for name, one in CONTRACTS.items() if name not in OUTCOME_FEEDS}
"""The feeds that an assessment of a household may be asked with."""

PLATFORM_FEEDS = ("neighbourhood",)
"""Feeds that no department delivers: without them nothing is silent, a village is only too small."""

__all__ = [
    "CONTRACTS",
    "OUTCOME_FEEDS",
    "PLATFORM_FEEDS",
    "REQUEST_FEEDS",
    "Contract",
    "Coverage",
    "Covered",
    "Delivery",
    "RowDefect",
    "complete",
]
