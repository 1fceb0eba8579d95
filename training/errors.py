"""Errors of the training package. Callers branch on the class, never on the text."""


class TrainingError(Exception):
    """Anything that `training` refuses to do."""


class ExperimentError(TrainingError):
    """An experiment file that is incomplete, misspelt or contradicts itself."""


class LeakError(TrainingError):
    """A split in which something of the test period could reach the training."""


class DataError(TrainingError):
    """Data that is absent or cannot be learned from."""


class GateError(TrainingError):
    """A model that may not be promoted, with the gates it failed."""


class ReleaseError(TrainingError):
    """A release log that is broken or cannot be written, or a rollback to what was never champion."""


class TrackingError(TrainingError):
    """A tracking server that does not take a run."""
