"""Costs of schooling by term, the aid against them, and pupils who left before they should."""

from features.signals.contract import event
from features.signals.fields import Category, Flag, Identifier, Money

schooling = event(
    "schooling",
    "就学",
    "schooling",
    ("教育", "education"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the pupil"),
    Category(
        name="stage",
        categories=("compulsory", "high_school", "vocational", "university"),
        zh="就学阶段",
        en="stage of schooling",
    ),
    Money(name="cost", zh="就学支出", en="fees and board of the term"),
    Money(name="aid", zh="资助金额", en="grants and aid of the term"),
    Flag(name="is_dropped_out", zh="失学辍学", en="left school during the term"),
)
