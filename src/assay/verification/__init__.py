"""Repeat, compare, and say what a sample certifies."""
