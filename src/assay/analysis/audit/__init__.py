"""What would make a reviewer doubt a study or a table of results."""
