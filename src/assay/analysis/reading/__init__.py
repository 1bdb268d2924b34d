"""Tables of scores as people have them, read into `Scores`: which column is what, and which runs failed."""
