"""Assistance the household draws or drew. Only what was granted by then is ever known on a date."""

from features.signals.contract import spell
from features.signals.fields import Category, Money

assistance = spell(
    "assistance",
    "社会救助",
    "assistance",
    ("民政、残联", "civil affairs, disability federation"),
    Category(
        name="kind",
        categories=("dibao", "tekun", "temporary_relief", "disability_subsidy", "training_aid", "other"),
        zh="救助类型：低保、特困供养、临时救助、残疾人两项补贴、雨露计划、其他",
        en="subsistence allowance, support of the destitute, temporary relief, disability subsidy, Yulu plan",
    ),
    Money(name="monthly", maximum_yuan=100_000, zh="月救助金额", en="amount a month"),
)
