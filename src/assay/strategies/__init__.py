"""One file for each search strategy."""
