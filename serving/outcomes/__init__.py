"""What became of cases, as labels with provenance for those who make models. See `tables`."""

from serving.outcomes.tables import OutcomeTables, gather_outcomes

__all__ = ["OutcomeTables", "gather_outcomes"]
