"""The feature language: expressions over feeds as seen on a date."""

from features.language.expressions import greatest, least, yuan
from features.language.feature import Feature, feature
from features.language.views import View

__all__ = ["Feature", "View", "feature", "greatest", "least", "yuan"]
