"""Households on the affected lists of natural disasters."""

from features.signals.contract import event
from features.signals.fields import Category, Count, Flag, Money

disaster = event(
    "disaster",
    "受灾记录",
    "disaster records",
    ("应急", "emergency management"),
    Category(
        name="hazard",
        categories=("flood", "geological", "drought", "biological", "weather", "earthquake", "other"),
        zh="灾种：洪涝、地质、旱、生物、气象、地震、其他",
        en="hazard",
    ),
    Money(name="loss", zh="损失金额", en="assessed loss"),
    Count(name="crop_loss_percent", maximum=100, unit="%", zh="农作物损失比例", en="share of the crop lost"),
    Flag(name="is_house_damaged", zh="住房受损", en="whether the house was damaged"),
)
