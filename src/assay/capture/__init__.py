"""Everything that reads the machine and the process."""
