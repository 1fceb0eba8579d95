"""What a run found: tables at a terminal, one self-contained page, a model card, a register record."""

from training.report.tables import metrics_json, metrics_table, print_evaluation, wide_console

__all__ = ["metrics_json", "metrics_table", "print_evaluation", "wide_console"]
