"""Mutations of programs, of their data and of records: what is mutated, how, and what catches it."""
