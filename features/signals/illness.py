"""Medical claims as settled by the insurance; they arrive weeks to months after the treatment."""

from features.signals.contract import event
from features.signals.fields import Category, Flag, Identifier, Money
from features.signals.rules import SumAtMost

illness = event(
    "illness",
    "医疗报销",
    "medical claims",
    ("医保", "medical insurance"),
    Identifier(name="member_id", zh="成员编号（化名）", en="pseudonymous key of the member"),
    Category(
        name="care",
        categories=("inpatient", "outpatient", "serious_outpatient"),
        zh="就医类型：住院、门诊、大病门诊",
        en="care: inpatient, outpatient, serious-disease outpatient",
    ),
    Money(name="total", zh="医疗总费用", en="total cost"),
    Money(name="reimbursed", zh="报销金额", en="paid by insurance and medical assistance"),
    Money(name="self_paid", zh="合规自付", en="compliant self-paid cost after all layers of protection"),
    Flag(name="is_serious_disease", zh="是否大病", en="on the list of serious diseases"),
    rules=(
        SumAtMost(
            "parts_exceed_total",
            "self_paid_yuan",
            ("reimbursed_fen", "self_paid_fen"),
            "total_fen",
        ),
    ),
)
