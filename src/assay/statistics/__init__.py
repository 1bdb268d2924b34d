"""Numbers in, typed results out: intervals, ranks, sampling bounds."""
