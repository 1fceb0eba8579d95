"""Speed and memory of the feature engines, beside features written by hand for pandas and Polars."""
