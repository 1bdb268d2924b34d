"""Assay: reproducible research on neural architectures, and benchmarks worth trusting."""
