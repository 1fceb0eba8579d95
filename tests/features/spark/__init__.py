"""The Spark engine, on local[2]: run by `make spark`; skipped where pyspark or Java is absent."""
