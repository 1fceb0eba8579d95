"""Leads of a run, and warnings of clusters among leads: what is worked out beside requests."""
