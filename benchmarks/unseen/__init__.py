"""Panels that a model meets unseen, and how ours does on them beside the rivals."""
