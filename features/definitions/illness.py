"""What illness cost the household itself, how often and how lately."""

from features.definitions.composition import composition_members_count
from features.definitions.income import income_net_yuan_12m
from features.language import View, feature, greatest
from features.language.expressions import Expr


@feature(
    "近12个月医疗自付",
    "self-paid medical cost, last 12 months",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_yuan_12m(illness: View) -> Expr:
    """Sum of claims' compliant self-paid part known by the date. Source: DOMAIN §3, 医保."""
    return illness.last(months=12).sum("self_paid")


@feature(
    "近3个月医疗自付",
    "self-paid medical cost, last 3 months",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_yuan_3m(illness: View) -> Expr:
    """The same over 3 months; late settlement makes it a lower bound."""
    return illness.last(months=3).sum("self_paid")


@feature(
    "近1个月医疗自付",
    "self-paid medical cost, last month",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_yuan_1m(illness: View) -> Expr:
    """The same over one month: the first sign, and all that sources with a short memory know."""
    return illness.last(months=1).sum("self_paid")


@feature(
    "近1个月就医次数",
    "claims, last month",
    unit="count",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_claims_count_1m(illness: View) -> Expr:
    """Claims of any kind in the last month."""
    return illness.last(months=1).count()


@feature(
    "上年（13至24个月前）医疗自付",
    "self-paid medical cost, 13 to 24 months ago",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_previous_yuan_12m(illness: View) -> Expr:
    """Self-paid cost of the 12 months before the last 12: an illness that lasts."""
    return illness.previous(months=12).sum("self_paid")


@feature(
    "近12个月人均医疗自付",
    "self-paid medical cost per person",
    unit="yuan per person",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_per_person_yuan_12m() -> Expr:
    """Self-paid cost of the last 12 months ÷ members."""
    return illness_self_paid_yuan_12m / composition_members_count


@feature(
    "近12个月医疗自付占净收入比例",
    "self-paid medical cost as a share of net income, last 12 months",
    unit="share",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_self_paid_to_income_share_12m() -> Expr:
    """Self-paid cost ÷ net income of the last 12 months; missing where there was no income."""
    return illness_self_paid_yuan_12m / greatest(0, income_net_yuan_12m)


@feature(
    "近12个月单次最高自付",
    "largest self-paid claim, last 12 months",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_largest_self_paid_yuan_12m(illness: View) -> Expr:
    """The largest self-paid part of one claim."""
    return illness.last(months=12).max("self_paid", empty=0)


@feature(
    "近12个月医疗总费用",
    "total medical cost, last 12 months",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_total_yuan_12m(illness: View) -> Expr:
    """Total cost before reimbursement."""
    return illness.last(months=12).sum("total")


@feature(
    "近12个月报销比例",
    "share reimbursed, last 12 months",
    unit="share",
    theme="illness",
    cause="01",
    direction=-1,
)
def illness_reimbursed_share_12m(illness: View) -> Expr:
    """Reimbursed ÷ total cost; missing where there was no cost."""
    return illness.last(months=12).sum("reimbursed") / illness.last(months=12).sum("total")


@feature(
    "近12个月住院次数",
    "hospital stays, last 12 months",
    unit="count",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_inpatient_count_12m(illness: View) -> Expr:
    """Settled hospital stays."""
    return illness.where(care="inpatient").last(months=12).count()


@feature(
    "近24个月住院次数",
    "hospital stays, last 24 months",
    unit="count",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_inpatient_count_24m(illness: View) -> Expr:
    """Settled hospital stays over two years."""
    return illness.where(care="inpatient").last(months=24).count()


@feature(
    "近12个月大病就医次数",
    "claims for serious disease, last 12 months",
    unit="count",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_serious_count_12m(illness: View) -> Expr:
    """Claims on the list of serious diseases."""
    return illness.where(is_serious_disease=True).last(months=12).count()


@feature(
    "近12个月门诊自付",
    "self-paid outpatient cost, last 12 months",
    unit="yuan",
    theme="illness",
    cause="01",
    direction=+1,
)
def illness_outpatient_self_paid_yuan_12m(illness: View) -> Expr:
    """Self-paid cost outside hospital: long illness shows here."""
    return (
        illness.where(illness.care.is_in("outpatient", "serious_outpatient")).last(months=12).sum("self_paid")
    )


@feature(
    "距最近一次住院天数",
    "days since the last hospital stay",
    unit="days",
    theme="illness",
    cause="01",
    direction=-1,
)
def illness_days_since_inpatient(illness: View) -> Expr:
    """Days since the last hospital stay of the last 24 months; the whole window where there was none."""
    return illness.where(care="inpatient").last(months=24).days_since_last()
