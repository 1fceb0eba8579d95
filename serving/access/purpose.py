"""What people's data is asked for: a fixed list, so that no free text carries a name into a log or a file."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """Why an identity is revealed, or a result file made."""

    VISIT = "visit"
    CONTACT = "contact"
    HELP = "help"
    CORRECTION = "correction"
    COMPLAINT = "complaint"
    SCREENING = "screening"
    INSPECTION = "inspection"
    STATISTICS = "statistics"

    def text(self, language: str) -> str:
        """The purpose in words, Chinese (``zh``) or English (``en``)."""
        zh, en = _TEXTS[self]
        return zh if language == "zh" else en


_TEXTS = {
    Purpose.VISIT: ("入户核实", "visit to the household"),
    Purpose.CONTACT: ("电话联系", "call by phone"),
    Purpose.HELP: ("落实帮扶措施", "giving help"),
    Purpose.CORRECTION: ("核对更正信息", "checking and correcting data"),
    Purpose.COMPLAINT: ("办理信访投诉", "answering a complaint"),
    Purpose.SCREENING: ("风险排查", "screening for risk"),
    Purpose.INSPECTION: ("监督检查", "inspection"),
    Purpose.STATISTICS: ("统计分析", "statistics"),
}
REVEAL_PURPOSES = (
    Purpose.VISIT, Purpose.CONTACT, Purpose.HELP, Purpose.CORRECTION, Purpose.COMPLAINT
)  # fmt: skip
"""What an identity may be revealed for."""
RESULT_PURPOSES = (Purpose.SCREENING, Purpose.VISIT, Purpose.HELP, Purpose.INSPECTION, Purpose.STATISTICS)
"""What a result file may be made for."""
