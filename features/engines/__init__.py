"""Engines that run feature definitions: `duckdb` for batches, `spark` for clusters, `row` for one."""
