"""Proofs of the adapters of household panels."""
