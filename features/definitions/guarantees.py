"""Two worries, three guarantees and water, insurance, assistance, and calls for help."""

from features.definitions.composition import composition_members_count
from features.language import View, feature, greatest
from features.language.expressions import Expr


def _where_looked(view: View, condition: Expr) -> Expr:
    # Where nobody has looked there is no record: that is missing, not "none".
    return view.open().where(condition).count() / view.open().any()


@feature("住房为危房", "unsafe house", unit="yes/no", theme="guarantees", cause="99", direction=+1)
def housing_is_unsafe(housing: View) -> Expr:
    """The house is of grade C or D. Source: 住建, DOMAIN §3."""
    return _where_looked(housing, housing.grade.is_in("C", "D")) > 0


@feature("住房为D级危房", "house of grade D", unit="yes/no", theme="guarantees", cause="99", direction=+1)
def housing_is_grade_d(housing: View) -> Expr:
    """The house must not be lived in."""
    return _where_looked(housing, housing.grade.is_in("D")) > 0


@feature("饮水不安全", "unsafe water", unit="yes/no", theme="guarantees", cause="99", direction=+1)
def water_is_unsafe(water: View) -> Expr:
    """The supply is cut or failed its quality check. Source: 水利, DOMAIN §3."""
    return _where_looked(water, water.supply.is_in("cut", "quality_failed")) > 0


@feature(
    "近12个月饮水不安全天数",
    "days without safe water, last 12 months",
    unit="days",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def water_unsafe_days_12m(water: View) -> Expr:
    """Days on which the supply was cut or failed its quality check."""
    return water.where(water.supply.is_in("cut", "quality_failed")).during(months=12).days()


@feature(
    "参加基本医保人数", "members in basic medical insurance", unit="persons", theme="guarantees", cause="01"
)
def insurance_enrolled_count(insurance: View) -> Expr:
    """Members enrolled."""
    return insurance.open().count()


@feature(
    "未参保人数",
    "members without medical insurance",
    unit="persons",
    theme="guarantees",
    cause="01",
    direction=+1,
)
def insurance_uninsured_count() -> Expr:
    """Members − enrolled, at least 0. Source: 基本医疗保障, DOMAIN §2."""
    return greatest(0, composition_members_count - insurance_enrolled_count)


@feature(
    "资助参保人数", "members whose premium is subsidised", unit="persons", theme="guarantees", cause="01"
)
def insurance_subsidised_count(insurance: View) -> Expr:
    """Members with a subsidised premium."""
    return insurance.open().where(is_subsidised=True).count()


@feature(
    "两不愁三保障缺口数", "gaps in the guarantees", unit="count", theme="guarantees", cause="99", direction=+1
)
def guarantee_gap_count(guarantee: View) -> Expr:
    """Items whose last check said no."""
    return _where_looked(guarantee, guarantee.answer.is_in("no"))


@feature(
    "两不愁三保障没查清的项数",
    "items of the guarantees that no check could tell",
    unit="count",
    theme="guarantees",
    cause="99",
)
def guarantee_unknown_count(guarantee: View) -> Expr:
    """Items whose last check could not tell. Unknown is not yes."""
    return _where_looked(guarantee, guarantee.answer.is_in("unknown"))


@feature("吃穿有缺口", "gap in food or clothing", unit="yes/no", theme="guarantees", cause="99", direction=+1)
def guarantee_is_basic_lacking(guarantee: View) -> Expr:
    """The last check of food or clothing said no."""
    items = guarantee.item.is_in("food", "clothing")
    return _where_looked(guarantee, items & guarantee.answer.is_in("no")) > 0


@feature(
    "住房或饮水有缺口", "gap in housing or water", unit="yes/no", theme="guarantees", cause="99", direction=+1
)
def guarantee_is_housing_or_water_lacking(guarantee: View) -> Expr:
    """The last check of housing or water said no."""
    items = guarantee.item.is_in("housing", "water")
    return _where_looked(guarantee, items & guarantee.answer.is_in("no")) > 0


@feature(
    "教育或医疗有缺口",
    "gap in schooling or medical care",
    unit="yes/no",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def guarantee_is_schooling_or_medical_lacking(guarantee: View) -> Expr:
    """The last check of schooling or medical care said no."""
    items = guarantee.item.is_in("schooling", "medical")
    return _where_looked(guarantee, items & guarantee.answer.is_in("no")) > 0


@feature("正在享受低保", "draws the subsistence allowance", unit="yes/no", theme="guarantees", cause="99")
def assistance_is_on_dibao(assistance: View) -> Expr:
    """Draws 低保, as known on the date."""
    return assistance.open().where(kind="dibao").any()


@feature("正在享受特困供养", "supported as destitute", unit="yes/no", theme="guarantees", cause="99")
def assistance_is_on_tekun(assistance: View) -> Expr:
    """Draws 特困供养, as known on the date."""
    return assistance.open().where(kind="tekun").any()


@feature("月救助金额合计", "assistance a month", unit="yuan", theme="guarantees", cause="99")
def assistance_monthly_yuan(assistance: View) -> Expr:
    """All assistance drawn a month. No direction: it goes to those who need it."""
    return assistance.open().sum("monthly")


@feature(
    "近12个月临时救助次数", "temporary relief, last 12 months", unit="count", theme="guarantees", cause="99"
)
def assistance_relief_count_12m(assistance: View) -> Expr:
    """Times of 临时救助."""
    return assistance.where(kind="temporary_relief").during(months=12).count()


@feature(
    "近12个月停止救助项数",
    "assistance stopped, last 12 months",
    unit="count",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def assistance_stopped_count_12m(assistance: View) -> Expr:
    """低保 or 特困 known to have ended within 12 months. Source: 民政, DOMAIN §3."""
    standing = assistance.where(assistance.kind.is_in("dibao", "tekun"))
    return standing.during(months=12).count() - standing.open().count()


@feature(
    "近12个月自主申报次数",
    "own declarations, last 12 months",
    unit="count",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def declaration_self_count_12m(declaration: View) -> Expr:
    """Times the household itself asked for help."""
    return declaration.where(channel="self").last(months=12).count()


@feature(
    "近12个月热线诉求次数",
    "calls to the hotline, last 12 months",
    unit="count",
    theme="guarantees",
    cause="99",
)
def declaration_hotline_count_12m(declaration: View) -> Expr:
    """Calls to 12345; only that they came."""
    return declaration.where(channel="hotline").last(months=12).count()


@feature(
    "近12个月网格上报次数",
    "grid reports, last 12 months",
    unit="count",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def declaration_grid_count_12m(declaration: View) -> Expr:
    """Reports of grid staff."""
    return declaration.where(channel="grid").last(months=12).count()


@feature(
    "近3个月申报上报次数",
    "declarations and reports, last 3 months",
    unit="count",
    theme="guarantees",
    cause="99",
    direction=+1,
)
def declaration_count_3m(declaration: View) -> Expr:
    """All channels together, of late."""
    return declaration.last(months=3).count()


@feature(
    "距最近申报上报天数",
    "days since the last declaration or report",
    unit="days",
    theme="guarantees",
    cause="99",
    direction=-1,
)
def declaration_days_since_last(declaration: View) -> Expr:
    """Days since the last of the last 12 months; the whole window where there was none."""
    return declaration.last(months=12).days_since_last()
