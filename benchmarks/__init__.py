"""Benchmarks: timings as measured in one run on one machine. Not tests."""
