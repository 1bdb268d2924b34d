"""Of studies: trajectories, comparisons, claims and cost."""
