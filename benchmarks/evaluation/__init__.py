"""Checks `opensonic evaluate`: docs/evaluate.md, `python -m benchmarks.evaluation --help`."""
