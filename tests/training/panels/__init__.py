"""Proofs of bringing one's own panel."""
