"""Proofs of the blend."""
