"""Disability certificates: what changed of late."""

from features.language import View, feature
from features.language.expressions import Expr


@feature(
    "近12个月新发残疾证",
    "new disability certificates, last 12 months",
    unit="count",
    theme="illness",
    cause="03",
    direction=+1,
)
def disability_new_count_12m(disability: View) -> Expr:
    """Certificates issued."""
    return disability.where(change="issued").last(months=12).count()


@feature(
    "近24个月新发重度残疾证",
    "new severe disabilities, last 24 months",
    unit="count",
    theme="illness",
    cause="03",
    direction=+1,
)
def disability_new_severe_count_24m(disability: View) -> Expr:
    """Certificates issued or worsened to grade 1 or 2. Source: 残联, DOMAIN §3."""
    return (
        disability
        .where(disability.change.is_in("issued", "worse"), disability.grade <= 2)
        .last(months=24)
        .count()
    )


@feature(
    "近24个月残疾加重次数",
    "disabilities that worsened, last 24 months",
    unit="count",
    theme="illness",
    cause="03",
    direction=+1,
)
def disability_worse_count_24m(disability: View) -> Expr:
    """Certificates changed for the worse."""
    return disability.where(change="worse").last(months=24).count()


@feature(
    "距最近残疾评定天数",
    "days since the last disability certificate",
    unit="days",
    theme="illness",
    cause="03",
)
def disability_days_since_change(disability: View) -> Expr:
    """Days since the last change within 24 months; the whole window where there was none."""
    return disability.last(months=24).days_since_last()
