"""Members' enrolment in basic medical insurance."""

from features.signals.contract import spell
from features.signals.fields import Flag, Identifier

insurance = spell(
    "insurance",
    "基本医保参保",
    "medical insurance enrolment",
    ("医保", "medical insurance"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Flag(name="is_subsidised", zh="资助参保", en="whether the premium is subsidised"),
)
