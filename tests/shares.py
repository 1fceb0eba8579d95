"""How the files of tests are shared out between worker processes: the long ones first, and some together.

xdist's own order is by the number of tests, so that a file of one long test comes last and the other workers wait.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from xdist.scheduler import LoadFileScheduling

LONG = (
    # Compiles the kernel of contributions, which whoever comes later finds compiled: the two that are the first
    # to start should not both do it.
    "tests/scoring/contributions/test_agreement.py",
    "tests/features/health/test_cases.py",
    "tests/serving/access/test_matrix.py",
    "tests/serving/faults/test_kth.py",
    "tests/serving/faults/test_schema.py",
    "tests/training/test_pipeline.py",
    "tests/serving/province/test_runs.py",
    "tests/training/test_learning_from_cases.py",
    "tests/serving/faults/test_kill.py",
    "tests/training/panels/test_panel.py",
    "tests/serving/operations/test_drain.py",
    "tests/serving/jobs/test_api.py",
    "tests/serving/test_batch.py",
    "tests/serving/identity/test_canaries.py",
    "tests/serving/models/test_poisoned.py",
    "tests/features/health/test_at_once.py",
    "tests/features/test_parity.py",
    "tests/training/test_command_line.py",
    "tests/training/surveys/test_uganda.py",
    "tests/serving/identity/test_kill.py",
    "tests/serving/models/test_kill.py",
    "tests/serving/board/test_pages.py",
    "tests/serving/backup/test_harmed.py",
    "tests/serving/faults/test_bad_bodies.py",
    "tests/features/test_out_of_core.py",
    "tests/features/test_mending_harm.py",
    "tests/test_notebooks.py",
)
"""Files that take longest, in the order in which they begin. Where one is missing here, only time is lost."""

TOGETHER = {
    "finished": (
        "tests/training/report/test_run_files.py",
        "tests/training/test_gates.py",
        "tests/training/test_pipeline.py",
        "tests/training/test_promotion.py",
        "tests/training/test_resume.py",
        "tests/training/test_tracking_server.py",
    ),
}
"""By a fixture of the session that takes a minute to make: the files that use it, which one worker runs."""

_LED_BY = {file: files[0] for files in TOGETHER.values() for file in files}
_RANKS = {_LED_BY.get(file, file): rank for rank, file in enumerate(LONG)}


class _LongFirst(OrderedDict[str, dict[str, bool]]):
    """Files that wait for a worker; of those that are not `LONG`, the one with most tests comes first."""

    def popitem(self, last: bool = True) -> tuple[str, dict[str, bool]]:
        first = min(self, key=lambda file: _RANKS.get(file, len(LONG)))
        return first, self.pop(first)


class Shares(LoadFileScheduling):  # type: ignore[misc]
    """Gives each worker whole files."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.workqueue = _LongFirst()

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return _LED_BY.get(file, file)
