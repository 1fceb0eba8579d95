"""Tests of the feature package."""
