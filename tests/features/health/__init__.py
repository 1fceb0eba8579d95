"""Tests of feed health."""
