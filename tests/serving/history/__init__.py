"""Histories, replays, scores of stored households."""
