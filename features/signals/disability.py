"""Disability certificates that were issued or changed."""

from features.signals.contract import event
from features.signals.fields import Category, Count, Identifier

disability = event(
    "disability",
    "残疾评定",
    "disability certificates",
    ("残联", "disability federation"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Category(
        name="change",
        categories=("issued", "worse", "better", "ended"),
        zh="变化：新发证、加重、减轻、注销",
        en="what changed",
    ),
    Count(name="grade", minimum=1, maximum=4, zh="残疾等级（1 最重）", en="grade, 1 the most severe"),
)
