"""Measures the lips: see docs/lips.md, or run `python -m benchmarks.lips --help`."""
