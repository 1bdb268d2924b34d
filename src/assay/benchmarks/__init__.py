"""Tables, their cards and their importers."""
