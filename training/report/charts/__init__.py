"""Charts as pure functions of plain data: each gives a `Figure` with its SVG and the table behind it."""

from training.report.charts.bars import Bar, TieRow, bars, ranges
from training.report.charts.dial import DialPoint, cost_dial
from training.report.charts.heat import heat
from training.report.charts.intervals import IntervalRow, intervals
from training.report.charts.lines import Line, Point, lines
from training.report.charts.reliability import Bin, ReliabilitySeries, reliability_curve
from training.report.charts.swarm import SwarmRow, swarm
from training.report.charts.timeline import Span, SplitRow, split_timeline

__all__ = [
    "Bar",
    "Bin",
    "DialPoint",
    "IntervalRow",
    "Line",
    "Point",
    "ReliabilitySeries",
    "Span",
    "SplitRow",
    "SwarmRow",
    "TieRow",
    "bars",
    "cost_dial",
    "heat",
    "intervals",
    "lines",
    "ranges",
    "reliability_curve",
    "split_timeline",
    "swarm",
]
