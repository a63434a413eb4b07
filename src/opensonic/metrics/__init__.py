"""Measures of what OpenSonic makes, one file per measure; benchmarks and training report them."""
