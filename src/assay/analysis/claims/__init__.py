"""Claims: what a study says of an assertion, by kinds of claims."""
