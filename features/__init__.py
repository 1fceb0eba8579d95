"""What is known about a household as of a date: signals in, vectors out."""

from features.definitions import FEATURES, feature_version
from features.engines.duckdb import build_vectors
from features.engines.row import RowEngine
from features.errors import FeaturesError
from features.language import Feature, feature
from features.policy import policy_value, policy_version
from features.signals import CONTRACTS, Coverage
from features.signals.intake import Intake, take_in
from features.signals.store import Signals
from features.vectors import catalogue, silent_feeds

__all__ = [
    "CONTRACTS",
    "FEATURES",
    "Coverage",
    "Feature",
    "FeaturesError",
    "Intake",
    "RowEngine",
    "Signals",
    "build_vectors",
    "catalogue",
    "feature",
    "feature_version",
    "policy_value",
    "policy_version",
    "silent_feeds",
    "take_in",
]
