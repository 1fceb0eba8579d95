"""Reasons: what can be wrong with a delivery, each under a stable code with its words and the way out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One kind of fault: its name and the way out, in Chinese and English."""

    code: str
    zh: str
    en: str
    way_out_zh: str
    way_out_en: str


REASONS: dict[str, Reason] = {
    one.code: one
    for one in (
        Reason(
            "silent",
            "数据中断：连续两期以上没有到数",
            "silent: nothing has arrived for two periods or more",
            "请联系提供部门，查明何时恢复报送，并补报缺失各期。",
            "Ask the department when it delivers again, and have the missing periods sent.",
        ),
        Reason(
            "late",
            "逾期：本期到数日已过而数据未到",
            "late: the period's delivery is due and has not come",
            "请催报；到数之前按缺失处理。",
            "Remind the department; until then the period counts as missing.",
        ),
        Reason(
            "many_rows",
            "重复报送：同一记录到达两次，日期相同或相近",
            "many rows: the same records have arrived twice, with the same date or one close to it",
            "请删除重复的一份。",
            "Remove the second copy.",
        ),
        Reason(
            "shifted_dates",
            "日期错位：发生日期远早于或晚于正常范围",
            "shifted dates: days of occurrence far before, or after, what arrives now",
            "请核对年份与日期字段后重报。",
            "Check the year and the date column and resend.",
        ),
        Reason(
            "foreign_households",
            "户编号错位：编号不在农户登记中",
            "foreign households: the keys are of nobody in the register",
            "请核对户编号是否丢失前缀或前导零，更正后重报。",
            "See whether the keys lost a prefix or leading zeros, mend them and resend.",
        ),
        Reason(
            "new_category",
            "出现未约定的代码",
            "new category: codes that the contract does not have",
            "请与提供部门核对代码表；如确有新类别，先修订数据契约。",
            "Compare the code lists; if the category is really new, extend the contract first.",
        ),
        Reason(
            "missing_values",
            "必填项缺失",
            "missing values: required fields are empty or unreadable",
            "请补齐缺失字段后重报。",
            "Have the fields filled in and the rows resent.",
        ),
        Reason(
            "unit_slip",
            "计量单位错误：金额或数量整体偏离历史水平若干数量级",
            "unit slip: amounts are whole powers of ten away from what they were",
            "请核对单位（元、万元、分）后重报。",
            "Check the unit (yuan, 万元, fen) and resend.",
        ),
        Reason(
            "zeros",
            "零值异常：零值或同一金额的占比明显高于历史",
            "zeros: many more zeros, or rows with one and the same amount, than ever before",
            "请核对是否以 0 或同一金额代替了空值。",
            "See whether zeros, or one amount, stand for values that are not there.",
        ),
        Reason(
            "repeated",
            "与上期雷同：本期内容与上期相同",
            "repeated: the period holds last period's content again",
            "请核对是否误报了上期文件，重报本期数据。",
            "See whether last period's file was sent again; resend this period's.",
        ),
        Reason(
            "few_rows",
            "行数骤减：远少于历史同期，或只报送了本期的一部分",
            "few rows: far fewer than in the same month before, or only a part of the period",
            "请核对是否漏报了部分村镇或日期。",
            "See which villages or days are not in the delivery.",
        ),
    )
}
"""Every reason by its code, in the order they are looked for: a cause before what it brings about."""
