"""The visit's income-and-spending account and the reference income worked out from it (DOMAIN §2)."""

from features.definitions.composition import composition_members_count
from features.definitions.illness import illness_self_paid_yuan_12m
from features.definitions.income import income_net_yuan_12m
from features.definitions.schooling import schooling_cost_after_aid_yuan_12m
from features.language import View, feature, greatest
from features.language.expressions import Expr
from features.signals.account import BUSINESS, COSTS, PAYOUTS, PROPERTY, SELF_PAID, TRANSFERS, WAGES

INCOME = (*WAGES, *BUSINESS, *PROPERTY, *TRANSFERS)


def _sum(account: View, *lines: str) -> Expr:
    # Only visited households have an account: without one its sums are missing, not zero.
    has_account = account.last(months=12).any()
    return account.where(account.line.is_in(*lines)).last(months=12).sum("amount") / has_account


def _reference() -> Expr:
    return account_net_yuan_12m + account_payout_yuan_12m - account_self_paid_yuan_12m


@feature(
    "近12个月细账收入合计",
    "income of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="99",
    direction=-1,
)
def account_income_yuan_12m(account: View) -> Expr:
    """Wages, business, property and transfers of the account, before costs."""
    return _sum(account, *INCOME)


@feature(
    "近12个月细账生产经营支出",
    "production cost of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="06",
)
def account_cost_yuan_12m(account: View) -> Expr:
    """Costs of own production in the account."""
    return _sum(account, *COSTS)


@feature(
    "近12个月细账工资性收入",
    "wages of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="07",
    direction=-1,
)
def account_wages_yuan_12m(account: View) -> Expr:
    """Wages told at the visit, those no department records included."""
    return _sum(account, *WAGES)


@feature(
    "近12个月细账理赔收入",
    "insurance payouts of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="99",
)
def account_payout_yuan_12m(account: View) -> Expr:
    """Payouts (理赔) of medical, accident and farming insurance."""
    return _sum(account, *PAYOUTS)


@feature(
    "近12个月细账合规自付",
    "compliant self-paid spending of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="01",
    direction=+1,
)
def account_self_paid_yuan_12m(account: View) -> Expr:
    """Medical and schooling self-paid. Gifts, house building and non-medical treatment do not count."""
    return _sum(account, *SELF_PAID)


@feature(
    "近12个月细账净收入",
    "net income of the account, last 12 months",
    unit="yuan",
    theme="income",
    cause="99",
    direction=-1,
)
def account_net_yuan_12m() -> Expr:
    """Income − production cost."""
    return account_income_yuan_12m - account_cost_yuan_12m


@feature(
    "近12个月细账人均参考收入",
    "reference income per person of the account, last 12 months",
    unit="yuan per person",
    theme="income",
    cause="99",
    direction=-1,
)
def account_reference_income_per_person_yuan_12m() -> Expr:
    """(net income + payouts − compliant self-paid) ÷ members, rolling 12 months. Source: DOMAIN §2."""
    return _reference() / composition_members_count


@feature(
    "细账人均参考收入低于监测线的比例",
    "gap of reference income to the line",
    unit="share",
    theme="income",
    cause="99",
    direction=+1,
)
def account_reference_gap_to_line_share(line: Expr) -> Expr:
    """(line − reference income per person) ÷ line, 0 above the line. A reference, never a cut-off."""
    return greatest(0, line * composition_members_count - _reference()) / (line * composition_members_count)


@feature(
    "距最近一次记收支细账天数",
    "days since the income-and-spending account was last written",
    unit="days",
    theme="income",
    cause="99",
)
def account_days_since_last(account: View) -> Expr:
    """How old the newest line of the account is, within 24 months: says how far to trust it."""
    return account.last(months=24).days_since_last()


@feature(
    "近12个月人均参考收入",
    "reference income per person, last 12 months",
    unit="yuan per person",
    theme="income",
    cause="99",
    direction=-1,
)
def income_reference_per_person_yuan_12m(accident: View) -> Expr:
    """(net income + compensation − self-paid medical − schooling after aid) ÷ members. Source: DOMAIN §2.

    From the departments' feeds: an estimate where no visit has worked out the account.
    """
    compensated = accident.last(months=12).sum("compensated")
    spent = illness_self_paid_yuan_12m + schooling_cost_after_aid_yuan_12m
    return (income_net_yuan_12m + compensated - spent) / composition_members_count
