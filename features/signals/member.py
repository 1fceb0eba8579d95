"""Members and their stay in the household. A changed attribute ends one spell and begins the next."""

from features.signals.contract import spell
from features.signals.fields import Category, Count, Date, Flag, Identifier
from features.signals.id_number import IdNumber, SameBirth

member = spell(
    "member",
    "家庭成员",
    "household members",
    ("公安、残联、教育", "police, disability federation, schools"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Date(name="born_on", zh="出生日期", en="date of birth"),
    Category(
        name="labour",
        categories=("none", "weak", "ordinary", "skilled"),
        zh="劳动能力",
        en="ability to work",
    ),
    Count(
        name="disability_grade",
        maximum=4,
        zh="残疾等级（0 为无，1 最重）",
        en="disability grade, 0 none, 1 the most severe",
    ),
    Flag(name="has_chronic_illness", zh="患慢性病", en="has a registered chronic illness"),
    Category(
        name="school",
        categories=("none", "compulsory", "high_school", "vocational", "university"),
        zh="就学阶段",
        en="stage of schooling",
    ),
    Category(
        name="no_school_reason",
        categories=("deferred", "home_taught", "ill", "graduated", "other"),
        is_required=False,
        zh="未就学原因：延缓入学、送教上门、因病休学、已毕业、其他",
        en="why a child of school age is in no school",
    ),
    rules=(SameBirth("id_number_born_otherwise", "id_number", "born_on"),),
    checked=(IdNumber(name="id_number", zh="公民身份号码", en="ID number"),),
)
