"""Surrogate benchmarks: numbers that a fitted model predicts, with a report of how well it does."""
