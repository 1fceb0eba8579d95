"""Engines that run feature definitions: `duckdb` for batches, `row` for one household."""
