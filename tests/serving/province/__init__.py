"""Tests of a province in one run."""
