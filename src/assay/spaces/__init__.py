"""One file for each search space, and the encodings derived from graphs."""
