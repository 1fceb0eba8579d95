"""Tests of `training.simulation`."""
