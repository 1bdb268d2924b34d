"""The planted causes as data, and how they are measured."""
