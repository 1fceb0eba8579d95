"""Civil events that change who lives in a household and who earns: births, deaths, moves, prison."""

from features.signals.contract import event
from features.signals.fields import Category, Flag, Identifier

civil = event(
    "civil",
    "户籍变动",
    "civil events",
    ("公安、民政", "police, civil affairs"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Category(
        name="kind",
        categories=("birth", "death", "marriage", "divorce", "moved_in", "moved_out", "imprisoned"),
        zh="变动类型：出生、死亡、结婚、离婚、迁入、迁出、服刑",
        en="kind of event",
    ),
    Flag(name="is_earner", zh="是否主要劳动力", en="whether the member was a main earner"),
)
