"""Own production and what is owed for it: 产业."""

from features.definitions.income import income_net_yuan_12m
from features.language import View, feature, greatest
from features.language.expressions import Expr


@feature(
    "近12个月种养经营出问题次数",
    "production troubles, last 12 months",
    unit="count",
    theme="production",
    cause="06",
    direction=+1,
)
def production_trouble_count_12m(production: View) -> Expr:
    """Troubles of any kind reported by agriculture."""
    return production.last(months=12).count()


@feature(
    "近12个月产业预计损失",
    "expected production loss, last 12 months",
    unit="yuan",
    theme="production",
    cause="06",
    direction=+1,
)
def production_loss_yuan_12m(production: View) -> Expr:
    """Expected losses of own production."""
    return production.last(months=12).sum("loss")


@feature(
    "近24个月产业预计损失",
    "expected production loss, last 24 months",
    unit="yuan",
    theme="production",
    cause="06",
    direction=+1,
)
def production_loss_yuan_24m(production: View) -> Expr:
    """Expected losses over two years."""
    return production.last(months=24).sum("loss")


@feature(
    "近12个月最大产业损失比例",
    "worst production loss, last 12 months",
    unit="percent",
    theme="production",
    cause="06",
    direction=+1,
)
def production_worst_loss_percent_12m(production: View) -> Expr:
    """The largest share of a product lost. Source: crop loss ≥ 30 %, DOMAIN §3."""
    return production.last(months=12).max("loss_percent", empty=0)


@feature(
    "近12个月疫病", "epidemic, last 12 months", unit="yes/no", theme="production", cause="06", direction=+1
)
def production_is_struck_by_epidemic_12m(production: View) -> Expr:
    """An epidemic among livestock or crops."""
    return production.where(trouble="epidemic").last(months=12).any()


@feature(
    "近12个月价格下跌次数",
    "price falls, last 12 months",
    unit="count",
    theme="production",
    cause="06",
    direction=+1,
)
def production_price_fall_count_12m(production: View) -> Expr:
    """Times the price of the household's product fell."""
    return production.where(trouble="price_fall").last(months=12).count()


@feature(
    "近12个月滞销次数",
    "unsold products, last 12 months",
    unit="count",
    theme="production",
    cause="06",
    direction=+1,
)
def production_unsold_count_12m(production: View) -> Expr:
    """Times the product found no buyer."""
    return production.where(trouble="unsold").last(months=12).count()


@feature(
    "近12个月产业损失占净收入比例",
    "production loss as a share of net income, last 12 months",
    unit="share",
    theme="production",
    cause="06",
    direction=+1,
)
def production_loss_to_income_share_12m() -> Expr:
    """Expected loss ÷ net income of the last 12 months; missing where there was no income."""
    return production_loss_yuan_12m / greatest(0, income_net_yuan_12m)


@feature("未结清贷款笔数", "open loans", unit="count", theme="production", cause="06")
def loan_count(loan: View) -> Expr:
    """Loans that are not paid back."""
    return loan.open().count()


@feature("贷款未还余额", "loans outstanding", unit="yuan", theme="production", cause="06", direction=+1)
def loan_outstanding_yuan(loan: View) -> Expr:
    """Amount still owed on all loans."""
    return loan.open().sum("outstanding")


@feature("小额信贷未还余额", "microloans outstanding", unit="yuan", theme="production", cause="06")
def loan_micro_outstanding_yuan(loan: View) -> Expr:
    """Amount owed on 小额信贷. No direction: it finances production."""
    return loan.open().where(purpose="microloan").sum("outstanding")


@feature("贷款逾期", "loan overdue", unit="yes/no", theme="production", cause="06", direction=+1)
def loan_is_overdue(loan: View) -> Expr:
    """Whether a loan is overdue by 30 days or more. Source: 30/60/90 days, DOMAIN §3."""
    return loan.open().where(loan.overdue_days >= 30).any()


@feature("最长逾期天数", "longest overdue", unit="days", theme="production", cause="06", direction=+1)
def loan_overdue_days(loan: View) -> Expr:
    """Days of the loan that is overdue the longest; 0 without one."""
    return loan.open().max("overdue_days", empty=0)


@feature(
    "逾期贷款余额", "overdue loans outstanding", unit="yuan", theme="production", cause="06", direction=+1
)
def loan_overdue_yuan(loan: View) -> Expr:
    """Amount owed on loans overdue by 30 days or more."""
    return loan.open().where(loan.overdue_days >= 30).sum("outstanding")


@feature(
    "因病借款余额", "loans for illness outstanding", unit="yuan", theme="production", cause="01", direction=+1
)
def loan_illness_outstanding_yuan(loan: View) -> Expr:
    """Amount owed on loans taken for treatment."""
    return loan.open().where(purpose="illness").sum("outstanding")


@feature(
    "贷款余额占净收入比例",
    "loans as a share of net income",
    unit="share",
    theme="production",
    cause="06",
    direction=+1,
)
def loan_outstanding_to_income_share() -> Expr:
    """Outstanding ÷ net income of the last 12 months; missing where there was no income."""
    return loan_outstanding_yuan / greatest(0, income_net_yuan_12m)
