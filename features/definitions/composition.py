"""Who lives in the household: hands that can work, mouths that depend on them."""

from features.language import View, feature
from features.language.expressions import Expr


@feature("家庭人口", "members", unit="persons", theme="composition", cause="04")
def composition_members_count(member: View) -> Expr:
    """Members who live in the household, as far as is known."""
    return member.open().count()


@feature("60岁及以上人数", "members aged 60 or over", unit="persons", theme="composition", cause="04")
def composition_elderly_count(member: View) -> Expr:
    """Members who have turned 60."""
    return member.open().aged_at_least(60).count()


@feature("16岁以下人数", "members under 16", unit="persons", theme="composition", cause="04")
def composition_children_count(member: View) -> Expr:
    """Members who have not turned 16."""
    return member.open().aged_below(16).count()


@feature("劳动力人数", "members able to work", unit="persons", theme="composition", cause="04", direction=-1)
def composition_workers_count(member: View) -> Expr:
    """Members of ordinary or skilled ability to work."""
    return member.open().where(member.labour.is_in("ordinary", "skilled")).count()


@feature("技能劳动力人数", "skilled workers", unit="persons", theme="composition", cause="04", direction=-1)
def composition_skilled_workers_count(member: View) -> Expr:
    """Members with a skill that is asked for on the labour market."""
    return member.open().where(labour="skilled").count()


@feature(
    "无劳动力家庭", "no member able to work", unit="yes/no", theme="composition", cause="04", direction=+1
)
def composition_is_without_labour(member: View) -> Expr:
    """Nobody of weak, ordinary or skilled ability to work. Source: 整户无劳动力, DOMAIN §2."""
    return (member.open().where(member.labour.is_in("weak", "ordinary", "skilled")).count()).equals(0)


@feature(
    "每个劳动力负担人数", "dependants per worker", unit="share", theme="composition", cause="04", direction=+1
)
def composition_dependants_per_worker_share() -> Expr:
    """(members − workers) ÷ workers; missing where nobody can work (see 无劳动力家庭)."""
    workers = composition_workers_count
    return (composition_members_count - workers) / workers


@feature(
    "残疾人数", "members with a disability", unit="persons", theme="composition", cause="03", direction=+1
)
def composition_disabled_count(member: View) -> Expr:
    """Members with a disability certificate of any grade."""
    return member.open().where(member.disability_grade > 0).count()


@feature(
    "重度残疾人数",
    "members with a severe disability",
    unit="persons",
    theme="composition",
    cause="03",
    direction=+1,
)
def composition_severely_disabled_count(member: View) -> Expr:
    """Members of disability grade 1 or 2."""
    return member.open().where(member.disability_grade > 0, member.disability_grade <= 2).count()


@feature(
    "慢性病患者人数",
    "members with a chronic illness",
    unit="persons",
    theme="composition",
    cause="01",
    direction=+1,
)
def composition_chronic_illness_count(member: View) -> Expr:
    """Members with a registered chronic illness."""
    return member.open().where(has_chronic_illness=True).count()


@feature("在校生人数", "members in school", unit="persons", theme="composition", cause="09", direction=+1)
def composition_students_count(member: View) -> Expr:
    """Members in any stage of schooling."""
    return (
        member
        .open()
        .where(member.school.is_in("compulsory", "high_school", "vocational", "university"))
        .count()
    )


@feature(
    "高中及以上在校生人数",
    "members in school beyond the compulsory years",
    unit="persons",
    theme="composition",
    cause="09",
    direction=+1,
)
def composition_costly_students_count(member: View) -> Expr:
    """Members in high school, vocational school or university: the years that cost money."""
    return member.open().where(member.school.is_in("high_school", "vocational", "university")).count()


@feature("脱贫户", "formerly registered poor", unit="yes/no", theme="composition", cause="99")
def composition_is_formerly_poor(household: View) -> Expr:
    """Registered poor before 2021 (脱贫户)."""
    return household.open().where(background="formerly_poor").any()


@feature("耕地面积", "contracted land", unit="mu", theme="composition", cause="06")
def composition_land_mu(household: View) -> Expr:
    """Contracted land of the household."""
    return household.open().max("land_mu")
