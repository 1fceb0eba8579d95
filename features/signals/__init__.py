"""Signals: dated records from departments, one contract per feed, and what of them is known when."""

from features.signals.contract import Contract, RowDefect
from features.signals.coverage import Coverage, Covered, Delivery, complete
from features.signals.disaster import disaster
from features.signals.employment import employment
from features.signals.household import household
from features.signals.illness import illness
from features.signals.income import income
from features.signals.member import member

CONTRACTS: dict[str, Contract] = {
    contract.name: contract for contract in (household, member, income, illness, disaster, employment)
}
"""Every feed by its name, in the order people read them."""

__all__ = ["CONTRACTS", "Contract", "Coverage", "Covered", "Delivery", "RowDefect", "complete"]
