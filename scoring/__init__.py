"""What a model is: vector → calibrated score → contributions → reasons."""

from scoring.assessment import Assessment, Assessor
from scoring.bundle import Bundle, load_bundle, save_bundle
from scoring.errors import ScoringError
from scoring.model import Explanation, RiskModel

__all__ = [
    "Assessment",
    "Assessor",
    "Bundle",
    "Explanation",
    "RiskModel",
    "ScoringError",
    "load_bundle",
    "save_bundle",
]
