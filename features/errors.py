"""Errors of the feature package.

Every error names the thing, the rule it broke and the way out. Callers branch on the class, never on
the text. No message carries a submitted value: the values are people's health and money.
"""


class FeaturesError(Exception):
    """Anything that `features` refuses to do."""


class ContractError(FeaturesError):
    """A table or a row set does not have the shape its contract asks for."""


class LanguageError(FeaturesError):
    """A feature definition that the language cannot accept."""


class PolicyError(FeaturesError):
    """A policy value that is not defined for the region and date asked for."""


class CoverageError(FeaturesError):
    """Coverage rows that contradict themselves."""


class RunError(FeaturesError):
    """A batch run that cannot be started, continued or read where it was asked for."""
