"""Repeats of recorded commands: where two runs part, and why."""
