"""Who works, for how much, and for how long without a break."""

from features.definitions.composition import composition_workers_count
from features.language import View, feature
from features.language.expressions import Expr


@feature("在岗人数", "members at work", unit="persons", theme="employment", cause="07", direction=-1)
def employment_working_count(employment: View) -> Expr:
    """Spells of work that go on, as far as is known."""
    return employment.open().count()


@feature("外出务工人数", "members working away", unit="persons", theme="employment", cause="07")
def employment_migrant_count(employment: View) -> Expr:
    """Open spells of migrant work."""
    return employment.open().where(work="migrant").count()


@feature("公益性岗位人数", "members in public-welfare posts", unit="persons", theme="employment", cause="07")
def employment_public_welfare_count(employment: View) -> Expr:
    """Open spells in public-welfare posts. No direction: such posts go to those who need them."""
    return employment.open().where(work="public_welfare").count()


@feature(
    "在岗月工资合计",
    "monthly wages of members at work",
    unit="yuan",
    theme="employment",
    cause="07",
    direction=-1,
)
def employment_monthly_wages_yuan(employment: View) -> Expr:
    """Agreed monthly wages of all open spells."""
    return employment.open().sum("monthly_wage")


@feature(
    "近12个月全家务工天数合计",
    "days in work of all members, last 12 months",
    unit="days",
    theme="employment",
    cause="07",
    direction=-1,
)
def employment_days_12m(employment: View) -> Expr:
    """Days in work over the last 12 months, added up over members."""
    return employment.during(months=12).days()


@feature(
    "近3个月全家务工天数合计",
    "days in work of all members, last 3 months",
    unit="days",
    theme="employment",
    cause="07",
    direction=-1,
)
def employment_days_3m(employment: View) -> Expr:
    """Days in work over the last 3 months, added up over members."""
    return employment.during(months=3).days()


@feature(
    "近12个月离岗次数",
    "jobs that ended, last 12 months",
    unit="count",
    theme="employment",
    cause="07",
    direction=+1,
)
def employment_ended_count_12m(employment: View) -> Expr:
    """Spells known to have ended within the last 12 months."""
    spells = employment.during(months=12)
    return spells.count() - employment.open().count()


@feature(
    "能劳动但没有就业的人数",
    "members able to work who have none",
    unit="persons",
    theme="employment",
    cause="07",
    direction=+1,
)
def employment_idle_workers_count() -> Expr:
    """Members able to work minus members at work; below 0 where people of weak ability work too."""
    return composition_workers_count - employment_working_count
