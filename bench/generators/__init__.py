"""Generative models: what all of them can do, those of the benchmark, and those that are files."""
