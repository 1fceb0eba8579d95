"""Summaries of areas and what they keep back."""
