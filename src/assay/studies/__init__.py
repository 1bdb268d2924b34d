"""Study files, plans, the search driver and the budget meter."""
