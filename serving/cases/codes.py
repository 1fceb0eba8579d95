"""The fixed lists of codes that the facts of a move choose from, with their words."""

from __future__ import annotations

from features.policy import policy_history
from features.signals import CONTRACTS
from features.signals.fields import Category
from serving.cases.facts import Code

EVENTS: tuple[Code, ...] = (
    ("disaster", "自然灾害", "natural disaster"),
    ("accident", "意外事故", "accident"),
    ("serious_illness", "突发重病", "sudden serious illness"),
    ("death", "主要劳动力死亡", "death of the earner"),
)
"""What is sudden and clear enough to help first (绿色通道)."""

DUPLICATE = "duplicate"

EXCLUSIONS: tuple[Code, ...] = (
    ("no_difficulty", "核实无困难", "the visit found no difficulty"),
    (
        "income_sufficient",
        "收入和刚性支出核算不符合条件",
        "income and rigid spending do not meet the conditions",
    ),
    ("means_found", "有车房、工商登记等自救能力", "assets or a business from which it can help itself"),
    ("objection_upheld", "公示异议成立", "an objection to the notice was right"),
    ("declined", "农户不授权或放弃", "the household declined"),
    ("moved_away", "整户迁出", "the whole household moved away"),
    ("deceased", "整户死亡", "the whole household died"),
    (DUPLICATE, "重复建档", "the same household is on file twice"),
)
"""Why a case is none (排除)."""
UNVISITED_EXCLUSIONS = frozenset({"moved_away", "deceased", DUPLICATE, "declined"})
"""The reasons that need no visit. For any other the household was seen: no alert is argued away."""

SEND_BACKS: tuple[Code, ...] = (
    ("incomplete", "材料不全", "papers are missing"),
    ("data_differ", "数据比对不一致", "the data compared differ"),
    ("objection", "公示有异议需复核", "an objection has to be looked into"),
    ("notice_faulty", "公示不规范", "the notice was not as it has to be"),
)
RELAPSES: tuple[Code, ...] = (
    ("income_fell", "收入下降", "income fell"),
    ("spending_rose", "刚性支出增加", "rigid spending rose"),
    ("guarantee_lost", "保障缺失", "a guarantee is lacking"),
    ("sudden_event", "突发变故", "a sudden event"),
)


def _object_types() -> tuple[Code, ...]:
    words = {
        "unstable_formerly_poor": ("脱贫不稳定户", "unstable formerly poor"),
        "marginal": ("边缘易致贫户", "marginal"),
        "sudden_hardship": ("突发严重困难户", "sudden hardship"),
    }
    return tuple((one, *words[one]) for one in _categories("object_type"))


def _causes() -> tuple[Code, ...]:
    said = policy_history("reason_codes", "CN")[-1].value
    return tuple((one, said[one]["zh"], said[one]["en"]) for one in _categories("cause"))


def _categories(name: str) -> tuple[str, ...]:
    field = CONTRACTS["identification"].field(name)
    assert isinstance(field, Category)
    return field.categories


OBJECT_TYPES = _object_types()
"""The types of objects (DOMAIN §2), as the signals' contract has them."""
CAUSES = _causes()
"""The official codes of causes."""
