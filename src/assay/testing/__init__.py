"""Conformance suites for spaces and strategies, shipped for authors of plug-ins."""
