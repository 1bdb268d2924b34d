"""The sealed evidence of runs: records, journals, objects, the store."""
