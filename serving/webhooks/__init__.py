"""Webhooks: alerts that were put into the outbox, sent signed and again until they are taken."""
