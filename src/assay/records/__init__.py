"""The sealed evidence of runs: records, journals, objects, traces, the store."""
