"""Tests of a province on Spark; `make spark` runs them."""
