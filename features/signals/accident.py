"""Accidents of members, as recorded by the police and traffic police."""

from features.signals.contract import event
from features.signals.fields import Category, Identifier, Money

accident = event(
    "accident",
    "意外事故",
    "accidents",
    ("公安、交警、应急", "police, traffic police, emergency management"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Category(
        name="kind",
        categories=("traffic", "work", "fire", "drowning", "fall", "other"),
        zh="事故类型：交通、生产、火灾、溺水、跌落、其他",
        en="kind of accident",
    ),
    Category(
        name="injury",
        categories=("none", "slight", "severe", "fatal"),
        zh="伤情：无、轻、重、死亡",
        en="injury",
    ),
    Money(name="loss", zh="损失金额", en="loss, medical cost apart"),
    Money(name="compensated", zh="已获赔偿", en="compensated by insurance or by who caused it"),
)
