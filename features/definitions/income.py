"""What came in over the last year, from where, and how far it lies from the line."""

from features.definitions.composition import composition_members_count
from features.language import View, feature, greatest
from features.language.expressions import Expr


def _net(view: View) -> Expr:
    return view.sum(view.amount - view.cost)


@feature("近12个月工资性收入", "wages, last 12 months", unit="yuan", theme="income", cause="07", direction=-1)
def income_wages_yuan_12m(income: View) -> Expr:
    """Wages received in the last 12 months."""
    return income.where(source="wages").last(months=12).sum("amount")


@feature("近3个月工资性收入", "wages, last 3 months", unit="yuan", theme="income", cause="07", direction=-1)
def income_wages_yuan_3m(income: View) -> Expr:
    """Wages received in the last 3 months: the first place where lost work shows."""
    return income.where(source="wages").last(months=3).sum("amount")


@feature(
    "近6个月工资较前6个月变化",
    "wages, last 6 months against the 6 before",
    unit="yuan",
    theme="income",
    cause="07",
    direction=-1,
)
def income_wages_change_yuan_6m(income: View) -> Expr:
    """Wages of the last 6 months minus those of the 6 months before; negative when they fall."""
    wages = income.where(source="wages")
    return wages.last(months=6).sum("amount") - wages.previous(months=6).sum("amount")


@feature(
    "近12个月经营性收入",
    "income from own business, last 12 months",
    unit="yuan",
    theme="income",
    cause="06",
    direction=-1,
)
def income_business_yuan_12m(income: View) -> Expr:
    """Receipts of own farming and business before costs."""
    return income.where(source="business").last(months=12).sum("amount")


@feature("近12个月生产经营支出", "production cost, last 12 months", unit="yuan", theme="income", cause="06")
def income_cost_yuan_12m(income: View) -> Expr:
    """Costs of own farming and business."""
    return income.last(months=12).sum("cost")


@feature(
    "近12个月经营净收入较上年变化",
    "net business income against the year before",
    unit="yuan",
    theme="income",
    cause="06",
    direction=-1,
)
def income_business_change_yuan_12m(income: View) -> Expr:
    """Net business income of the last 12 months minus that of the 12 before."""
    business = income.where(source="business")
    return _net(business.last(months=12)) - _net(business.previous(months=12))


@feature(
    "近12个月财产性收入",
    "property income, last 12 months",
    unit="yuan",
    theme="income",
    cause="99",
    direction=-1,
)
def income_property_yuan_12m(income: View) -> Expr:
    """Dividends, land transfer and other income from property."""
    return income.where(source="property").last(months=12).sum("amount")


@feature("近12个月转移性收入", "transfers, last 12 months", unit="yuan", theme="income", cause="99")
def income_transfers_yuan_12m(income: View) -> Expr:
    """Pensions, subsidies and support received. No direction: support goes to those who need it."""
    return income.where(source="transfers").last(months=12).sum("amount")


@feature(
    "近12个月净收入", "net income, last 12 months", unit="yuan", theme="income", cause="99", direction=-1
)
def income_net_yuan_12m(income: View) -> Expr:
    """Wages + business + property + transfers − production costs, rolling 12 months. Source: DOMAIN §2."""
    return _net(income.last(months=12))


@feature(
    "近12个月人均净收入",
    "net income per person, last 12 months",
    unit="yuan per person",
    theme="income",
    cause="99",
    direction=-1,
)
def income_net_per_person_yuan_12m() -> Expr:
    """Net income of the last 12 months ÷ members."""
    return income_net_yuan_12m / composition_members_count


@feature(
    "近12个月人均净收入低于监测线的比例",
    "gap of income per person to the line, last 12 months",
    unit="share",
    theme="income",
    cause="99",
    direction=+1,
)
def income_gap_to_line_share_12m(line: Expr) -> Expr:
    """(line − net income per person) ÷ line, 0 above the line. The line is a reference, never a cut-off."""
    return greatest(0, line * composition_members_count - income_net_yuan_12m) / (
        line * composition_members_count
    )


@feature(
    "净收入较上年变化",
    "net income against the year before",
    unit="yuan",
    theme="income",
    cause="99",
    direction=-1,
)
def income_net_change_yuan_12m(income: View) -> Expr:
    """Net income of the last 12 months minus that of the 12 before; negative when it falls."""
    return _net(income.last(months=12)) - _net(income.previous(months=12))


@feature(
    "净收入较上年下降比例",
    "fall of net income against the year before",
    unit="share",
    theme="income",
    cause="99",
    direction=+1,
)
def income_net_fall_share_12m(income: View) -> Expr:
    """max(0, year before − last year) ÷ year before; missing where there was no income before."""
    before = _net(income.previous(months=12))
    return greatest(0, before - _net(income.last(months=12))) / greatest(0, before)


@feature("近3个月净收入", "net income, last 3 months", unit="yuan", theme="income", cause="99", direction=-1)
def income_net_yuan_3m(income: View) -> Expr:
    """Net income of the last 3 months."""
    return _net(income.last(months=3))


@feature(
    "近12个月工资性收入占比",
    "wages as a share of receipts, last 12 months",
    unit="share",
    theme="income",
    cause="07",
)
def income_wages_share_12m(income: View) -> Expr:
    """Wages ÷ all receipts of the last 12 months: how much hangs on keeping the job."""
    return income_wages_yuan_12m / income.last(months=12).sum("amount")


@feature(
    "距最近一笔工资天数", "days since the last wage", unit="days", theme="income", cause="07", direction=+1
)
def income_days_since_wages(income: View) -> Expr:
    """Days since the last wage of the last 12 months; the whole window where there was none."""
    return income.where(source="wages").last(months=12).days_since_last()
