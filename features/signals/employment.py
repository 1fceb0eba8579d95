"""Spells of work, with the monthly wage agreed."""

from features.signals.contract import spell
from features.signals.fields import Category, Identifier, Money

employment = spell(
    "employment",
    "务工就业",
    "work spells",
    ("人社", "human resources"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Category(
        name="work",
        categories=("migrant", "local", "public_welfare", "self_employed"),
        zh="就业类型：外出务工、就近务工、公益性岗位、自主经营",
        en="kind of work",
    ),
    Money(name="monthly_wage", maximum_yuan=1_000_000, zh="月工资", en="wage a month"),
)
