"""What leads say: one code each, with the channels it may come by, the kind of event it tells of and its
cause.

Two codes of one kind of event may tell of the same event: the health office's list and the insurer's alert of
one illness. The causes are official codes (DOMAIN §2); themes follow from them by policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scoring.triggers import TRIGGERS
from serving.cases.channel import Channel


class EventKind(StrEnum):
    """The kinds of event: reports of one kind, of one household and about one time, are one event."""

    ILLNESS = "illness"
    DISABILITY = "disability"
    DISASTER = "disaster"
    ACCIDENT = "accident"
    EARNER = "earner"
    WORK = "work"
    PRODUCTION = "production"
    SCHOOLING_COST = "schooling_cost"
    DROP_OUT = "drop_out"
    HOUSE = "house"
    WATER = "water"
    FOOD = "food"
    CLOTHING = "clothing"
    INSURANCE = "insurance"
    GUARANTEE = "guarantee"
    SUPPORT = "support"
    OTHER = "other"
    SCORE = "score"


class Department(StrEnum):
    """Who reports on the line (线), DOMAIN §3."""

    MEDICAL_INSURANCE = "medical_insurance"
    HEALTH = "health"
    EDUCATION = "education"
    EMERGENCY = "emergency"
    DISABLED_FEDERATION = "disabled_federation"
    CIVIL_AFFAIRS = "civil_affairs"
    HUMAN_RESOURCES = "human_resources"
    POLICE = "police"
    HOUSING = "housing"
    WATER = "water"
    AGRICULTURE = "agriculture"
    FINANCE = "finance"
    HOTLINE = "hotline"

    @property
    def zh(self) -> str:
        """The name that people use."""
        return _DEPARTMENTS[self][0]

    @property
    def en(self) -> str:
        """The same in English."""
        return _DEPARTMENTS[self][1]


_DEPARTMENTS = {
    Department.MEDICAL_INSURANCE: ("医保", "medical insurance office"),
    Department.HEALTH: ("卫健", "health office"),
    Department.EDUCATION: ("教育", "education office"),
    Department.EMERGENCY: ("应急", "emergency office"),
    Department.DISABLED_FEDERATION: ("残联", "disabled persons' federation"),
    Department.CIVIL_AFFAIRS: ("民政", "civil affairs office"),
    Department.HUMAN_RESOURCES: ("人社", "human resources office"),
    Department.POLICE: ("公安", "police"),
    Department.HOUSING: ("住建", "housing office"),
    Department.WATER: ("水利", "water office"),
    Department.AGRICULTURE: ("农业农村", "agriculture office"),
    Department.FINANCE: ("金融", "banks"),
    Department.HOTLINE: ("12345", "12345 hotline"),
}


@dataclass(frozen=True)
class LeadCode:
    """One code. Where `cause` is `None` whoever sends the lead says it, and it gives the kind of event.

    `is_hard`: it has to be looked at whatever the score says. `department` is whose trigger it is, where the
    platform finds it itself.
    """

    code: str
    channel: Channel
    kind: EventKind
    cause: str | None
    is_hard: bool
    zh: str
    en: str
    department: Department | None = None

    def kind_of(self, facts: Mapping[str, Any]) -> EventKind:
        """The kind of event of a lead with these facts."""
        return self.kind if self.cause is not None else KIND_OF_CAUSE.get(facts["cause"], EventKind.OTHER)

    def causes_of(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        """The causes that a lead with these facts tells of, the main one first."""
        if self.channel is Channel.SCORE:
            return tuple(facts["causes"])
        return (self.cause if self.cause is not None else facts["cause"],)

    def is_hard_for(self, facts: Mapping[str, Any]) -> bool:
        """Whether a lead with these facts has to be looked at: a sudden event always has."""
        return self.is_hard or (self.cause is None and facts["cause"] in SUDDEN_CAUSES)


KIND_OF_CAUSE = {
    "01": EventKind.ILLNESS, "02": EventKind.DISASTER, "03": EventKind.DISABILITY, "04": EventKind.EARNER,
    "05": EventKind.ACCIDENT, "06": EventKind.PRODUCTION, "07": EventKind.WORK,
    "09": EventKind.SCHOOLING_COST,
}  # fmt: skip
"""The kind of event that a cause without a further word means."""
SUDDEN_CAUSES = frozenset({"02", "05"})
"""Disaster and accident: a severe event always surfaces (DOMAIN §5)."""

SCORE = "score"
DECLARATION, GRID_REPORT = "own_declaration", "grid_report"
VISIT_DIFFICULTY = "visit_difficulty"
_GAP = "gap_"


def _trigger(
    code: str, kind: EventKind, department: Department, zh: str, en: str, cause: str | None = None
) -> LeadCode:
    causes = {one.code: one.cause for one in TRIGGERS}
    return LeadCode(
        code, Channel.DEPARTMENT, kind, cause or causes[code], True, zh, en, department
    )  # fmt: skip


def _gap(check: str, kind: EventKind, cause: str, zh: str, en: str) -> LeadCode:
    return LeadCode(f"{_GAP}{check}", Channel.SWEEP, kind, cause, True, zh, en)


def _by_code(codes: Iterable[LeadCode]) -> dict[str, LeadCode]:
    return {one.code: one for one in codes}


_D, _K = Department, EventKind

LEAD_CODES: dict[str, LeadCode] = _by_code((
    LeadCode(SCORE, Channel.SCORE, _K.SCORE, "99", False, "大数据评分高风险", "graded high by the score"),
    LeadCode(DECLARATION, Channel.DECLARATION, _K.OTHER, None, True, "农户自主申报", "own declaration"),
    LeadCode(GRID_REPORT, Channel.GRID, _K.OTHER, None, False, "网格上报", "report of the grid"),
    _gap("food", _K.FOOD, "99", "吃不愁未落实", "not enough to eat"),
    _gap("clothing", _K.CLOTHING, "99", "穿不愁未落实", "not enough to wear"),
    _gap("housing", _K.HOUSE, "99", "住房安全未保障", "no safe house"),
    _gap("schooling", _K.DROP_OUT, "09", "义务教育阶段失学辍学", "dropped out of compulsory school"),
    _gap("insurance", _K.INSURANCE, "99", "未参加基本医疗保险", "somebody without medical insurance"),
    _gap("water", _K.WATER, "99", "饮水安全未保障", "no safe water"),
    LeadCode("visit_medical", Channel.SWEEP, _K.INSURANCE, "99", True, "基本医疗未保障",
             "no basic medical care"),
    LeadCode(VISIT_DIFFICULTY, Channel.SWEEP, _K.OTHER, None, False, "入户发现困难",
             "difficulty found at a visit"),
    _trigger("medical_self_paid", _K.ILLNESS, _D.MEDICAL_INSURANCE, "医疗自付超过阈值",
             "self-paid over the threshold"),
    _trigger("crop_loss", _K.DISASTER, _D.AGRICULTURE, "农作物受损超过阈值", "crop loss over the threshold"),
    _trigger("out_of_work", _K.WORK, _D.HUMAN_RESOURCES, "失业超过阈值", "out of work over the threshold"),
    _trigger("schooling_cost", _K.SCHOOLING_COST, _D.EDUCATION,
             "教育支出超阈值", "schooling over its threshold"),
    _trigger("loan_overdue", _K.PRODUCTION, _D.FINANCE, "小额信贷逾期", "microloan overdue"),
    _trigger("guarantee_gap", _K.GUARANTEE, _D.CIVIL_AFFAIRS, "两不愁三保障有缺口", "gap in the guarantees"),
    _trigger("unsafe_house", _K.HOUSE, _D.HOUSING, "住房不安全", "unsafe house"),
    _trigger("unsafe_water", _K.WATER, _D.WATER, "饮水不安全", "unsafe water"),
    _trigger("dropped_out", _K.DROP_OUT, _D.EDUCATION, "失学辍学", "dropped out of school"),
    _trigger("new_severe_disability", _K.DISABILITY, _D.DISABLED_FEDERATION, "新增重度残疾",
             "newly severely disabled"),
    _trigger("severe_accident", _K.ACCIDENT, _D.POLICE, "严重意外事故", "severe accident"),
    _trigger("earner_lost", _K.EARNER, _D.CIVIL_AFFAIRS, "主要劳动力缺失", "loss of an earner"),
    _trigger("serious_illness", _K.ILLNESS, _D.HEALTH, "新增大病患者", "newly seriously ill", "01"),
    _trigger("disaster_struck", _K.DISASTER, _D.EMERGENCY, "自然灾害受灾", "struck by a disaster", "02"),
    _trigger("wage_arrears", _K.WORK, _D.HUMAN_RESOURCES, "拖欠工资", "wages not paid", "07"),
    _trigger("support_stopped", _K.SUPPORT, _D.CIVIL_AFFAIRS, "低保或特困救助停发", "support stopped", "99"),
))  # fmt: skip
"""Every code a lead may have. The platform finds those of `scoring.triggers` itself; they may be sent,
too."""

SWEEP_CHECKS = tuple(one.removeprefix(_GAP) for one in LEAD_CODES if one.startswith(_GAP))
"""What a sweep (回头看) checks, each yes or no: 两不愁三保障 and water (DOMAIN §2)."""

VISIT_GAPS = {
    item: "visit_medical" if item == "medical" else f"{_GAP}{item}"
    for item in ("food", "clothing", "housing", "schooling", "medical", "water")
}
"""The code of a gap that a visit finds: as a sweep's, but that a visit looks at medical care and not only at
whether somebody is insured."""


def codes_of(channel: Channel) -> tuple[str, ...]:
    """The codes of a channel."""
    return tuple(one.code for one in LEAD_CODES.values() if one.channel is channel)
