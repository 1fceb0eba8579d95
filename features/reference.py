"""Reference: the pages under ``docs/reference``, written from the code; a stale page fails a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from features.definitions import FEATURES
from features.language.feature import THEMES, Feature
from features.language.formula import formula
from features.language.spec import SPECS
from features.language.views import View
from features.policy import parameters, policy_history, regions_of, title_of
from features.policy.measures import Measure, groups, measures
from features.signals import CONTRACTS, OUTCOME_FEEDS, PLATFORM_FEEDS
from features.signals.defects import defect_kinds
from features.signals.fields import Field

THEME_NAMES = {
    "composition": "家庭结构 composition",
    "income": "收入 income",
    "production": "产业 production",
    "employment": "就业 employment",
    "illness": "重病 illness",
    "accident": "意外 accident",
    "guarantees": "保障 guarantees",
    "neighbourhood": "邻里 neighbourhood",
}
DIRECTIONS = {1: "+ more never lowers the risk", -1: "− more never raises the risk", 0: "none is certain"}
_WRITTEN = "<!-- Written by `python -m features reference`; change the code, not this page. -->\n"


def reference_pages() -> dict[str, str]:
    """File name → text of every page."""
    return {
        "features.md": _features(),
        "language.md": _language(),
        "signals.md": _signals(),
        "defects.md": _defects(),
        "policy.md": _policy(),
        "measures.md": _measures(),
    }


def write_reference(folder: Path) -> list[Path]:
    """Write the pages into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in reference_pages().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def missing_meaning(one: Feature) -> str:
    """When the feature is missing, in words."""
    back = max(one.window_months, 12) if one.window_months == 0 else one.window_months
    feeds = ", ".join(one.feeds)
    said = f"missing where {feeds} is stale or not covered {back} months back without a gap"
    return f"{said}, or where nothing is there to divide by" if "÷" in formula(one.expression) else said


def _features() -> str:
    parts = [
        "# Features\n",
        _WRITTEN,
        f"{len(FEATURES)} features. Every value is what was *known* on the as-of date: a record counts when "
        "it had happened and had arrived. Amounts are in yuan.\n",
    ]
    for theme in THEMES:
        mine = [one for one in FEATURES.values() if one.theme == theme]
        parts.append(f"## {THEME_NAMES[theme]} ({len(mine)})\n")
        for one in mine:
            parts.append(
                f"### `{one.name}`\n\n"
                f"{one.zh} · {one.en} · {one.unit}\n\n"
                f"{one.doc}\n\n"
                f"- formula: `{formula(one.expression)}`\n"
                f"- feeds: {', '.join(one.feeds)}; cause {one.cause}; "
                f"direction: {DIRECTIONS[one.direction]}\n"
                f"- from {one.limits[0]:,.0f} to {one.limits[1]:,.0f}; {missing_meaning(one)}\n"
            )
    return "\n".join(parts)


_RECORD = {"event": ("occurred", "known", "amount"), "spell": ("occurred", "known", "ended", "end known")}


def _language() -> str:
    parts = [
        "# The feature language\n",
        _WRITTEN,
        "A feature is a short expression over the rows of a feed as they were known on the as-of date. What "
        "its operations mean, case by case; every engine is held to these tables.\n",
    ]
    for number, spec in enumerate(SPECS, 1):
        view = View(CONTRACTS[spec.feed])
        answer = "missing" if spec.answer is None else f"{spec.answer:g}"
        parts.append(f"## {number}. {spec.says[0].upper()}{spec.says[1:]}\n")
        parts.append(f"`{formula(spec.ask(view))}` as of {spec.as_of} → **{answer}**\n")
        records = [record.split() for record in spec.records]
        width = max((len(one) for one in records), default=0)
        names = (*_RECORD[CONTRACTS[spec.feed].kind], "born")[:width]
        lines = ["| " + " | ".join(names) + " |", "|---" * width + "|"]
        lines += ["| " + " | ".join(one) + " |" for one in records]
        parts.append("\n".join(lines) + "\n" if records else f"No rows of `{spec.feed}`.\n")
    return "\n".join(parts)


def _signals() -> str:
    parts = [
        "# Signals\n",
        _WRITTEN,
        "One contract a department feed. Every record has `occurred_on` and `known_on`; a spell also has an "
        "end and the day the end was known.\n",
    ]
    for one in CONTRACTS.values():
        parts.append(
            f"## `{one.name}` {one.zh}\n\n{one.en}; {one.kind}; from {one.source_zh} ({one.source_en})\n"
        )
        if one.name in OUTCOME_FEEDS:
            parts.append(
                "Holds the outcome itself: it tells of neighbours and is never a household's own feature.\n"
            )
        if one.name in PLATFORM_FEEDS:
            parts.append("Worked out by the platform's batch, not delivered by a department.\n")
        parts.append(_table(one.fields))
        if one.checked:
            parts.append(
                "A delivery may also carry these fields. They are checked at intake and never stored: no "
                "table, request or feature has them.\n"
            )
            parts.append(_table(one.checked))
        rules = "".join(
            f"- `{rule.code}` at `{rule.field}`: {defect_kinds()[rule.code].en}\n" for rule in one.all_rules
        )
        parts.append(f"Rules between fields:\n\n{rules}")
    return "\n".join(parts)


def _table(fields: Sequence[Field]) -> str:
    lines = ["| field | type | unit | range | required | 含义 | meaning |", "|---|---|---|---|---|---|---|"]
    for row in (field.describe() for field in fields):
        cells = [str(row[name]) for name in ("field", "type", "unit", "range")]
        cells += ["yes" if row["required"] else "no", str(row["zh"]), str(row["en"])]
        lines.append("| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |")
    return "\n".join(lines) + "\n"


def _defects() -> str:
    parts = [
        "# Defects\n",
        _WRITTEN,
        f"The {len(defect_kinds())} rules of intake. `reject`: the row waits in the quarantine until it is "
        "mended. `flag`: it is accepted and named in the report and the flags file. `{…}` stands for what "
        "the field asks for.\n",
        "A flag asks somebody to look; it changes no score and decides nothing. Rules against other records "
        "see only what was known on the date of the delivery, and are silent where the feed they would "
        "miss something in is not covered.\n",
        _QUARANTINE,
    ]
    for severity in ("reject", "flag"):
        lines = ["| code | 规则 | rule | 处理办法 | way out |", "|---|---|---|---|---|"]
        lines += [
            f"| `{one.code}` | {one.zh} | {one.en} | {one.way_out_zh} | {one.way_out_en} |"
            for one in defect_kinds().values()
            if one.severity == severity
        ]
        parts += [f"## {severity}\n", "\n".join(lines) + "\n"]
    return "\n".join(parts)


_QUARANTINE = """## The quarantine and the flags

`python -m features intake` writes `quarantine/<feed>.csv` and `flags/<feed>.csv` beside the signals. A row
of the quarantine has its `row_number` in the delivery (from 0), its `defects`, the way out in Chinese and
English, and the delivered cells as they came, byte for byte; a line with another number of fields stands in
`whole_line`. Put right the cells, or the whole line, and leave the other columns as they are; then `python
-m features mend --signals DIR`, or `--quarantine COPY` where copies were sent out and came back. Only rows
that somebody changed are checked again. A row in order moves to the signals; one that is not stays with its
new defects. It keeps the dates it came with.

- Change no columns, add and delete no rows: `<feed>.json` beside the file says what waits, and a quarantine
  that lacks something, or has something else, is refused. A copy may hold fewer rows; it must come from the
  quarantine of the same delivery, and only rows changed in it count.
- What somebody edits while a mend is at work, or after one was killed, is kept in `quarantine/edited/` and
  read by the next mend. A new delivery takes the place of all that waits.
- Both folders hold what departments sent, ID numbers included. Only the owner may read them (0600); treat
  them as more sensitive than the signals.
- ID numbers are compared within one delivery, which is the whole province or whatever was delivered.
  Nothing of them is kept, so a mended number is not compared with those taken in before.
- A feed of which more than half of the rows were refused is not covered. Nor is a village, town or county
  of which more than half were, by where the rows' households live: altogether, or in the period of one
  statement, where that is five rows or more. A row whose household cannot be read counts for the feed as a
  whole alone. Mending rows brings no coverage back: take the mended delivery in anew.
"""


def _policy() -> str:
    parts = [
        "# Policy\n",
        _WRITTEN,
        "Numbers that differ by place or year: dated, sourced, and marked where they are assumptions. A date "
        "before the first entry is an error.\n",
    ]
    for name in parameters():
        zh, en = title_of(name)
        parts.append(f"## `{name}` {zh}\n\n{en}\n")
        lines = ["| region | from | value | status | source |", "|---|---|---|---|---|"]
        for region in regions_of(name):
            for entry in policy_history(name, region):
                status = "**assumption**" if entry.is_assumption else "published"
                value = str(entry.value).replace("|", "\\|")
                lines.append(f"| {region} | {entry.effective_from} | {value} | {status} | {entry.source} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


PAID = {
    "once": "一次性 once",
    "monthly": "每月 each month",
    "each_term": "每学期 each term",
    "in_kind": "不发钱 in kind",
}
PER = {"household": "每户 a household", "person": "每人 a person"}
WHOM = {
    "member": "家庭成员 any member",
    "worker": "有劳动能力（含弱）的成员 members able to work, weakly too",
    "pupil": "义务教育阶段学生 members in compulsory school",
    "vocational_pupil": "职业学校学生 members in vocational school",
    "older_pupil": "高中、职校、大学学生 members in high school, vocational school or university",
    "disabled": "残疾人 members with a disability grade",
}


def _measures() -> str:
    parts = [
        "# Measures\n",
        _WRITTEN,
        f"The help catalogue (帮扶措施目录): {len(measures())} measures in the {len(groups())} official "
        "groups. An amount is where a what-if starts from, in yuan; it is no claim of a household, and a "
        "what-if may name another one. What each kind of change does to the facts: "
        "[what-if](../explanation/what-if.md).\n",
    ]
    for group in groups().values():
        parts.append(f"## `{group.code}` {group.zh} {group.en}\n")
        parts += [_measure(one) for one in measures().values() if one.group == group.code]
    return "\n".join(parts)


def _measure(one: Measure) -> str:
    most = f"; at most {one.at_most_yuan:,} yuan" if one.at_most_yuan else ""
    lines = ["| region | from | until | yuan | status | source |", "|---|---|---|---|---|---|"]
    for entries in one.regions.values():
        for entry in entries:
            status = "**assumption**" if entry.is_assumption else "published"
            value = "–" if entry.value_yuan is None else f"{entry.value_yuan:,}"
            until = entry.effective_until or "–"
            lines.append(
                f"| {entry.region} | {entry.effective_from} | {until} | {value} | {status} | {entry.source} |"
            )
    said = f"### `{one.code}` {one.zh}\n\n{one.en}; {PAID[one.paid]}, {PER[one.per]}{most}; "
    said += f"for: {WHOM[one.whom]}; " if one.whom else ""
    return said + f"change: `{one.changes.kind}`\n\n" + "\n".join(lines) + "\n"
