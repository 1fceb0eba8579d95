"""A province in one run: vectors, scores, reasons, rule hits and the state of feeds, bucket by bucket."""

from serving.province.run import ProvinceRun, score_province
from serving.province.stored import read_statement, read_summary

__all__ = ["ProvinceRun", "read_statement", "read_summary", "score_province"]
