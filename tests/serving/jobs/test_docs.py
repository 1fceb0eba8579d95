"""What a caller can be told, and what an operator can set, is documented."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from serving.bulk.order import PARTS
from serving.files import FILE_PROBLEMS
from serving.jobs.job import DEADLINE_PASSED, WORKERS_DIED, JobState
from serving.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "bulk-jobs.md").read_text(encoding="utf-8")


def test_every_end_of_a_job_is_documented() -> None:
    codes = {DEADLINE_PASSED["failure"]["code"], WORKERS_DIED["failure"]["code"]}
    for path in (*(ROOT / "serving" / "bulk").glob("*.py"), *(ROOT / "serving" / "jobs").glob("*.py")):
        codes |= set(re.findall(r'refusal\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert len(codes) >= 11
    assert [one for one in sorted(codes) if f"`{one}`" not in PAGE] == []
    assert [one for one in FILE_PROBLEMS if not one.startswith(("file_", "sheet", "archive_content"))] == []
    assert [one for one in JobState if f"`{one}`" not in PAGE] == []


def test_every_setting_of_jobs_is_documented() -> None:
    names = [one.name for one in fields(Settings) if re.search("job|worker|upload", one.name)]
    assert len(names) == 8
    for name in names:
        default = Settings.__dataclass_fields__[name].default
        line = next(one for one in PAGE.splitlines() if one.startswith(f"| `FANGFAN_{name.upper()}`"))
        assert default is None or f"{default:,}" in line


def test_the_named_parts_are_parts() -> None:
    assert {"household", "coverage", "delivery"} <= set(PARTS)
    assert "identification" not in PARTS
    assert "neighbourhood" not in PARTS
