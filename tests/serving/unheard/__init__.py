"""Households of which no department tells anything, wherever runs are told of."""
