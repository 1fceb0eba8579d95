"""Webhooks: what is sent, to whom, how often, and what becomes of it."""
