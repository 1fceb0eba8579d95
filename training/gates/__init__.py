"""Gates: what a model must pass before it may serve."""

from training.gates.checks import GATES, run_gates
from training.gates.evidence import Evidence
from training.gates.gate import Gate

__all__ = ["GATES", "Evidence", "Gate", "run_gates"]
