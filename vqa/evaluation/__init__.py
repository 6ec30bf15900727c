"""Metrics and tests: numbers in, numbers out, no files."""
