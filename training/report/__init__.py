"""What a run found: tables at a terminal, one self-contained page, one JSON object."""

from training.report.tables import (
    evaluation_json,
    metrics_json,
    metrics_table,
    print_evaluation,
    wide_console,
)

__all__ = [
    "evaluation_json",
    "metrics_json",
    "metrics_table",
    "print_evaluation",
    "wide_console",
]
