"""One file for each published source."""
