"""Speed and memory of a province in one run: raw Parquet signals to written reasons."""
