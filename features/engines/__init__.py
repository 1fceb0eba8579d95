"""Engines that run feature definitions: `duckdb` for batches, `spark` on a cluster, `row` for one household."""
