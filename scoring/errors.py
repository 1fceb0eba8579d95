"""Errors of the scoring package. Callers branch on the class, never on the text."""


class ScoringError(Exception):
    """Anything that `scoring` refuses to do."""


class BundleError(ScoringError):
    """A model bundle that is incomplete, altered, or made for other features than there are."""


class SignatureError(BundleError):
    """A bundle without a signature of the keys that are asked for, or a key that is none."""


class RegistryError(ScoringError):
    """A model that the registry does not hold, or a registry that does not answer."""


class VectorError(ScoringError):
    """Vectors whose columns are not the model's features."""


class CapacityError(ScoringError):
    """A visit capacity that does not fit the areas it is given for."""
