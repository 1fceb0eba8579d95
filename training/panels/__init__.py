"""Anybody's household panel beside the naive rule: read, screened, compared, judged."""

from training.panels.comparison import Comparison, print_comparison
from training.panels.panel import compare_panel
from training.panels.reading import read_table
from training.panels.report import check_folder, save_report

__all__ = ["Comparison", "check_folder", "compare_panel", "print_comparison", "read_table", "save_report"]
